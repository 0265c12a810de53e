import { createInterface } from 'node:readline';
import { lockStateDir } from '../../../src/lib/state-lock.ts';

/** Takes the lock of a state directory at each line of its input, and says whether it has it. */
const [dir = ''] = process.argv.slice(2);
createInterface({ input: process.stdin }).on('line', async () => {
  const outcome = await lockStateDir(dir).then(
    () => 'holds',
    (error: { code?: string; message: string }) =>
      error.code === 'CONFLICT' ? 'refused' : `failed ${error.message}`,
  );
  process.stdout.write(`${outcome}\n`);
});
process.stdout.write('up\n');
