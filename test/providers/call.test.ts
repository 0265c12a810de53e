import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createCall } from '../../src/providers/complete/call.ts';
import { deadlines } from '../../src/providers/complete/deadlines.ts';
import { toAppError } from '../../src/providers/docker/errors.ts';

describe('a call that is repeated', () => {
  const away = new AppError('UNAVAILABLE', 'It is away.');

  it('has one deadline for all attempts', async () => {
    const call = createCall('slow', { ...deadlines, destroy: 300 });
    let attempts = 0;
    const work = async (): Promise<never> => {
      attempts += 1;
      await sleep(200);
      throw away;
    };
    await expect(call.idempotent('destroy', work)).rejects.toBeInstanceOf(AppError);
    // The third would begin after the deadline.
    expect(attempts).toBeLessThanOrEqual(2);
  });

  it('is repeated while there is time', async () => {
    const call = createCall('slow', deadlines);
    let attempts = 0;
    const work = async (): Promise<string> => {
      attempts += 1;
      if (attempts < 3) throw away;
      return 'done';
    };
    expect(await call.idempotent('destroy', work)).toBe('done');
  });
});

describe('what a container engine answers', () => {
  it('names the setting where it may not raise limits', () => {
    // As podman 4 with crun and runc answered.
    const json = {
      message: 'runc: runc create failed: error setting rlimit type 7: operation not permitted',
    };
    expect(toAppError({ statusCode: 500, json }, 'start a container', '/run/x.sock')).toMatchObject(
      {
        ...{ code: 'UNAVAILABLE', retryable: false },
        message: expect.stringContaining('SANDBANK_DOCKER_ULIMITS'),
      },
    );
  });
});
