import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { AuditLog } from '../audit/log.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { FileControl } from '../files/service.ts';
import type { Transfer } from '../files/transfer-urls.ts';
import { newId } from '../lib/ids.ts';
import type { SandboxFiles } from '../providers/provider.ts';
import type { Authenticator } from './authenticator.ts';

export type TransferOptions = {
  files: FileControl;
  audit: AuditLog;
  authenticator: Authenticator;
  maxUploadBytes: number;
  log: Logger;
};

const statuses: Partial<Record<ErrorCode, number>> = {
  FORBIDDEN: 403,
  TOKEN_REVOKED: 403,
  RATE_LIMITED: 429,
  NOT_FOUND: 404,
  TERMINATED: 410,
  TOO_LARGE: 413,
  NO_SPACE: 507,
  INVALID_ARGUMENT: 400,
  CONFLICT: 409,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
};
const IDLE_MS = 120_000;
const PREFIX = '/transfers/';

const limited = async function* (
  request: IncomingMessage,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit)
      throw new AppError(
        'TOO_LARGE',
        `The upload has more than ${limit} bytes; nothing was changed.`,
      );
    yield part;
  }
  if (!request.complete)
    throw new AppError('CONFLICT', 'The upload broke off; nothing was changed.');
};

/** One range of bytes as RFC 9110 §14 has it; null: all, `unsatisfiable`: none of the file. */
const rangeOf = (
  header: string | undefined,
  size: number,
): { start: number; end: number } | null | 'unsatisfiable' => {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end || start >= size ? 'unsatisfiable' : { start, end };
};

/** Signed URLs: file contents of any size, streamed both ways at the pace of the slower side. */
export const createTransferHandler = ({
  files: service,
  audit,
  authenticator,
  maxUploadBytes,
  log,
}: TransferOptions) => {
  const upload = async (
    request: IncomingMessage,
    transfer: Transfer,
    files: SandboxFiles,
  ): Promise<{ path: string; size: number }> => {
    const limit = Math.min(transfer.maxBytes ?? maxUploadBytes, maxUploadBytes);
    if (Number(request.headers['content-length'] ?? 0) > limit)
      throw new AppError(
        'TOO_LARGE',
        `The upload has more than ${limit} bytes; nothing was changed.`,
      );
    const { path, size } = await files.write(transfer.path, limited(request, limit));
    return { path, size };
  };
  const created = (response: ServerResponse, body: object): void => {
    const text = JSON.stringify(body);
    response
      .writeHead(201, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      })
      .end(text);
  };
  const download = async (
    request: IncomingMessage,
    response: ServerResponse,
    { path }: Transfer,
    files: SandboxFiles,
  ): Promise<void> => {
    const stat = await files.stat(path);
    if (!stat) throw new AppError('NOT_FOUND', `There is nothing at ${path}.`);
    const range = rangeOf(request.headers.range, stat.size);
    const common = {
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      etag: `"${stat.size}-${stat.modifiedAt}"`,
    };
    if (range === 'unsatisfiable')
      return void response
        .writeHead(416, { ...common, 'content-range': `bytes */${stat.size}` })
        .end();
    const { start, end } = range ?? { start: 0, end: stat.size - 1 };
    const length = end - start + 1;
    const source = Readable.from(files.read(path, { offset: start, length }), {
      objectMode: false,
      highWaterMark: 256 * 1024,
    });
    response.writeHead(range ? 206 : 200, {
      ...common,
      'content-length': length,
      ...(range ? { 'content-range': `bytes ${start}-${end}/${stat.size}` } : {}),
    });
    if (request.method === 'HEAD') {
      source.destroy();
      response.end();
    } else await pipeline(source, response);
  };

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    token: string,
  ): Promise<void> => {
    const who = { requestId: newId('req'), address: authenticator.addressOf(request) };
    response.setHeader('x-request-id', who.requestId);
    // However long a transfer takes, bytes must move: Node ends a socket that is idle for longer.
    request.socket.setTimeout(IDLE_MS);
    try {
      const { transfer, files } = await service
        .openTransfer(token)
        .catch(async (error: unknown) => {
          const isRefused = error instanceof AppError && /FORBIDDEN|REVOKED/.test(error.code);
          throw (
            (isRefused &&
              (await authenticator.rejectAnonymous('transfer', who.requestId, who.address))) ||
            error
          );
        });
      const writes = request.method === 'PUT' || request.method === 'POST';
      if (!writes && request.method !== 'GET' && request.method !== 'HEAD')
        return void response.writeHead(405, { allow: 'GET, HEAD, PUT, POST' }).end();
      if (writes !== (transfer.direction === 'upload'))
        throw new AppError('FORBIDDEN', 'This URL is not valid, or no longer. Ask for a new one.');
      if (!writes) return await download(request, response, transfer, files);
      const { sandboxId, by } = transfer;
      const deed = { action: 'upload', target: sandboxId, sandboxId };
      try {
        const written = await upload(request, transfer, files);
        await audit.record({ ...who, ...by }, deed);
        created(response, written);
      } catch (error) {
        await audit.record({ ...who, ...by }, deed, error);
        throw error;
      }
    } catch (error) {
      if (response.headersSent || response.destroyed) return void response.destroy();
      if (!(error instanceof AppError)) log.error({ err: error }, 'a transfer failed unexpectedly');
      const { code, message } =
        error instanceof AppError
          ? error
          : new AppError('INTERNAL', 'Something went wrong on our side.');
      const text = JSON.stringify({ code, message });
      response
        .writeHead(statuses[code] ?? 500, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          connection: 'close',
        })
        .end(text);
    }
  };

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (!path.startsWith(PREFIX)) return false;
    void serve(request, response, path.slice(PREFIX.length));
    return true;
  };
};
