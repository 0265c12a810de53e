import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.ts';

/** The whole body, `TOO_LARGE` beyond `limit` bytes whether it was announced or not. */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const tooLarge = (): AppError =>
    new AppError(
      'TOO_LARGE',
      `The request has more than ${limit} bytes. Send large content to a signed upload URL (Sandbox.uploadUrl).`,
    );
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
};
