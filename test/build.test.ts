import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { mutate, newSandbox } from './helpers/client.ts';
import { freePort, launch, launchedServer } from './helpers/launch.ts';

const run = promisify(execFile);

it('works as it is published: built, without types, with its sandboxes', async () => {
  await run('npm', ['run', 'build']);
  expect((await run(process.execPath, ['dist/main.js', '--help'])).stdout).toContain('SANDBANK_');
  const stateDir = mkdtempSync(join(tmpdir(), 'sandbank-build-'));
  const port = await freePort();
  const { kill } = await launch(stateDir, port, 'dist/main.js');
  const server = launchedServer(port);
  const sandboxId = await newSandbox(server);
  const { stdout } = await mutate(server, 'exec', 'stdout', { sandboxId, command: 'echo built' });
  expect(stdout).toBe('built\n');
  await mutate(server, 'destroySandbox', 'sandbox { state }', { sandboxId });
  await kill('SIGTERM');
  rmSync(stateDir, { recursive: true, force: true });
}, 300_000);
