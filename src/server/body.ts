import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';

/** The whole body. `TOO_LARGE` beyond `limit` bytes, whether announced or not; `TIMEOUT` if it has not arrived after `ms`. */
export const readBody = (request: IncomingMessage, limit: number, ms: number): Promise<Buffer> => {
  const tooLarge = (): AppError =>
    new AppError(
      'TOO_LARGE',
      `The request has more than ${limit} bytes, which is the maximum. Send large content to a signed upload URL (Sandbox.uploadUrl).`,
    );
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () =>
        reject(
          new AppError(
            'TIMEOUT',
            `The request did not arrive completely within ${ms / 1_000} s. Send it again.`,
          ),
        ),
      ms,
    ).unref();
    request.on('data', (part: Buffer) => {
      size += part.length;
      if (size > limit) reject(tooLarge());
      else parts.push(part);
    });
    request.on('end', () => {
      clearTimeout(timer);
      resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
    });
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
    request.on('aborted', () => reject(new Error('the client aborted the request')));
  });
};
