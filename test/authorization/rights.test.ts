import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadAccess } from '../../src/authorization/access-file.ts';
import { applyCeiling } from '../../src/authorization/ceilings.ts';
import { exceeds, rightsOf } from '../../src/authorization/rights.ts';
import { builtInRoles } from '../../src/authorization/roles.ts';

const rights = (role: string, scope: readonly string[] | null = null) => {
  const definition = builtInRoles[role];
  if (!definition) throw new Error(role);
  return rightsOf(definition, scope);
};
const fileWith = async (content: unknown): Promise<string> => {
  const file = join(await mkdtemp(join(tmpdir(), 'sandbank-access-')), 'access.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

describe('rights', () => {
  it.each([
    ['viewer', 'developer', 'reach'],
    ['developer', 'viewer', 'permissions'],
    ['operator', 'admin', null],
    ['admin', 'operator', 'permissions'],
    ['platform', 'admin', 'reach'],
    ['developer', 'operator', null],
  ])('of %s beside those of %s: more by %s', (inner, outer, more) => {
    expect(exceeds(rights(inner), rights(outer))).toBe(more);
  });

  it('are narrowed by a scope, never widened', () => {
    for (const scope of [['tokens:issue'], ['read-only'], ['sandbox:sbx_1', 'files:read'], ['x']]) {
      const narrow = rights('developer', scope);
      expect(exceeds(narrow, rights('developer'))).toBeNull();
    }
    expect([...rights('developer', ['files:read', 'tokens:issue']).permissions]).toEqual([
      'files:read',
    ]);
    expect(
      [...rights('admin', ['read-only']).permissions].every((one) => one.endsWith(':read')),
    ).toBe(true);
    expect(rights('admin', ['sandbox:sbx_1']).permissions.has('sandboxes:create')).toBe(false);
    expect(rights('admin', ['sandbox:sbx_1']).permissions.has('tokens:issue')).toBe(false);
  });

  it('count a ceiling that is higher, or missing, as more', () => {
    const limited = { ...rights('developer'), ceilings: { cpus: 2 } };
    expect(exceeds(rights('developer'), limited)).toBe('ceiling cpus');
    expect(exceeds({ ...limited, ceilings: { cpus: 4 } }, limited)).toBe('ceiling cpus');
    expect(exceeds({ ...limited, ceilings: { cpus: 1 } }, limited)).toBeNull();
    expect(exceeds(limited, rights('developer'))).toBeNull();
  });

  it.each([
    [undefined, 'refuse', 1],
    [undefined, 'clamp', 1],
    [1.5, 'refuse', 1.5],
    [4, 'clamp', 2],
    [4, 'refuse', 'LIMIT_EXCEEDED'],
  ] as const)('cut %s cores where the role says %s: %s', (asked, overCeiling, given) => {
    const limited = { ...rights('developer'), ceilings: { cpus: 2 }, overCeiling };
    const take = () => applyCeiling(limited, 'cpus', asked, 1);
    if (typeof given === 'number') expect(take()).toBe(given);
    else
      expect(take).toThrow(
        expect.objectContaining({
          code: given,
          details: { limit: 'cpus', maximum: 2, requested: 4 },
        }),
      );
    expect(applyCeiling(limited, 'cpus', undefined, 8)).toBe(2);
  });
});

describe('the access file', () => {
  it('changes roles and plans, and adds others', async () => {
    const { roles, plans } = await loadAccess(
      await fileWith({
        roles: {
          developer: { reach: 'tenant' },
          ci: { extends: 'developer', permissions: ['sandboxes:create'], ceilings: { cpus: 1 } },
          nightly: { extends: 'ci', providers: ['local'], ceilings: { lifetimeSeconds: 60 } },
        },
        plans: { team: { rates: { executions: { points: 5, seconds: 60 } } } },
      }),
    );
    expect(roles.developer).toMatchObject({
      reach: 'tenant',
      permissions: builtInRoles.developer?.permissions,
    });
    expect(roles.nightly).toEqual({
      permissions: ['sandboxes:create'],
      reach: 'tenant',
      providers: ['local'],
      ceilings: { cpus: 1, lifetimeSeconds: 60 },
      overCeiling: 'refuse',
    });
    expect(plans.team).toEqual({
      quotas: [],
      rates: { executions: { points: 5, tenantPoints: 5, seconds: 60 } },
    });
    expect(Object.keys(plans)).toEqual(['unlimited', 'free', 'pro', 'enterprise', 'team']);
  });

  it.each([
    ['{', /access file .* cannot be used/],
    [{ roles: { x: { permissions: ['everything'] } } }, /roles\.x\.permissions\.0/],
    [{ roles: { x: { extends: 'y' } } }, /roles\.x: it extends "y"/],
    [{ roles: { x: { ceilings: { cpu: 1 } } } }, /roles\.x\.ceilings: Unrecognized key: "cpu"/],
    [{ plans: { x: { quotas: [{ metric: 'wishes', limit: 1 }] } } }, /plans\.x\.quotas\.0\.metric/],
    [{ role: {} }, /Unrecognized key: "role"/],
  ])('is refused when it is %j, with what is wrong', async (content, problem) => {
    await expect(loadAccess(await fileWith(content))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(problem),
    });
  });

  it('is refused when it is not there', async () => {
    await expect(loadAccess('/nowhere/access.json')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
