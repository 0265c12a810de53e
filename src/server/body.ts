import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';

/** The whole body: `TOO_LARGE` beyond `limit` bytes whether it was announced or not, `TIMEOUT` when it is not there after `ms`. */
export const readBody = (request: IncomingMessage, limit: number, ms: number): Promise<Buffer> => {
  const tooLarge = (): AppError =>
    new AppError(
      'TOO_LARGE',
      `The request has more than ${limit} bytes. Send large content to a signed upload URL (Sandbox.uploadUrl).`,
    );
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(
      () => reject(new AppError('TIMEOUT', `The request did not arrive within ${ms / 1_000} s.`)),
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
    request.on('aborted', () => reject(new Error('the request was broken off')));
  });
};
