import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SupervisorState } from '../../src/providers/local/state.ts';
import { collect, completed, never, spec } from '../conformance/provider/subject.ts';
import { openLocalIn } from './open-local.ts';

describe('the labels of local sandboxes', () => {
  let stateDir = '';
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-labels-'));
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  const fileOf = (ref: string): string => join(stateDir, 'local', 'sandboxes', ref, 'state.json');
  const stateOf = (ref: string): SupervisorState => {
    const [line = ''] = readFileSync(fileOf(ref), 'utf8').split('\n', 1);
    return JSON.parse(line) as SupervisorState;
  };
  const open = (deployment: string, warm = 0) => openLocalIn(stateDir, deployment, warm);
  const createAndLetGo = async (deployment: string) => {
    const first = await open(deployment);
    const one = spec();
    const { ref } = await completed(first, deployment).create(one);
    await first.dispose();
    return { ref, one };
  };

  it('are absent in what an earlier version made, which is adopted by whoever has its folder', async () => {
    const { ref, one } = await createAndLetGo('ours');
    const { deployment, createdAt, expiresAt, ...before } = stateOf(ref);
    expect([deployment, typeof createdAt, expiresAt]).toEqual(['ours', 'number', one.expiresAt]);
    writeFileSync(fileOf(ref), `${JSON.stringify(before)}\n`);
    const second = completed(await open('another'), 'another');
    expect(await second.list()).toMatchObject([
      { ref, id: one.id, deployment: 'another', createdAt: null, expiresAt: null },
    ]);
    const again = await second.connect(ref, one);
    expect((await collect(again, ['echo', 'here'])).exit.exitCode).toBe(0);
    await again.destroy();
    await second.dispose();
  });

  it('keep the waiting sandboxes of another deployment from being swept away', async () => {
    const first = await open('ours', 1);
    const refs = (): string[] => readdirSync(join(stateDir, 'local', 'sandboxes'));
    await expect.poll(() => refs().filter((ref) => stateOf(ref).pid > 0).length).toBe(1);
    const second = await open('another');
    await second.dispose();
    expect(refs()).toHaveLength(1);
    const { ref } = await completed(first, 'ours').create(spec());
    await first.destroy(ref, never);
    await first.dispose();
  });

  it('let a supervisor be destroyed that answers nothing', async () => {
    const { ref } = await createAndLetGo('ours');
    const { pid } = stateOf(ref);
    process.kill(pid, 'SIGSTOP');
    const second = await open('ours');
    await second.destroy(ref, never);
    expect(await second.list(never)).toEqual([]);
    await second.dispose();
  });
});
