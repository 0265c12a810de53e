import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../helpers/launch.ts';

describe('the doctor', () => {
  let stateDir: string;
  beforeAll(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'sandbank-doctor-'));
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));
  const doctor = (env: Record<string, string>) =>
    runProgram(['doctor'], { SANDBANK_STATE_DIR: stateDir, ...env });

  it('says of each provider that is enabled what it needs here', async () => {
    const said = await doctor({});
    expect(said).toContain('Provider local:');
    expect(said).toMatch(/✓ isolation: /);
    expect(said).toContain('Sandboxes of local work on this host.');
    expect(said).not.toContain('docker');
  });

  it('fails for one that cannot work here, with the way to repair it', async () => {
    const env = { SANDBANK_PROVIDERS: 'docker', SANDBANK_DOCKER_HOST: 'unix:///nowhere.sock' };
    const failure = await doctor(env).then(
      () => null,
      (error: { code: number; stdout: string }) => error,
    );
    expect(failure?.code).toBe(1);
    expect(failure?.stdout).toMatch(/✗ container engine: .*\/nowhere\.sock.*systemctl start/);
    expect(failure?.stdout).not.toContain('bubblewrap');
  });
});
