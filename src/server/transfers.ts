import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { Actor, AuditLog } from '../audit/log.ts';
import { errorTable } from '../error-table.ts';
import { AppError } from '../errors.ts';
import type { FileControl } from '../files/service.ts';
import { invalidUrl, type Transfer } from '../files/transfer-urls.ts';
import { newId } from '../lib/ids.ts';
import type { SandboxFiles } from '../providers/types/files.ts';
import type { Authenticator } from './authenticator.ts';
import { parseRange } from './byte-range.ts';
import { internalError } from './errors.ts';

export type TransferOptions = {
  files: Pick<FileControl, 'openTransfer'>;
  audit: AuditLog;
  authenticator: Authenticator;
  maxUploadBytes: number;
  log: Logger;
};

type OpenTransfer = { transfer: Transfer; files: SandboxFiles };

const IDLE_MS = 120_000;
const PREFIX = '/transfers/';
const READ_BYTES = 256 * 1024;

const tooLarge = (limit: number): AppError =>
  new AppError(
    'TOO_LARGE',
    `The upload has more than ${limit} bytes, which is the maximum. The file was not changed.`,
  );

/** The body of the request, as long as it keeps to the limit and arrives whole. */
const bodyWithin = async function* (
  request: IncomingMessage,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw tooLarge(limit);
    yield part;
  }
  if (!request.complete)
    throw new AppError('CONFLICT', 'The upload was interrupted. The file was not changed.');
};

const sendJson = (
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
};

/** Writes the file, and returns when the audit log has it. */
const upload = async (
  { maxUploadBytes, audit }: TransferOptions,
  request: IncomingMessage,
  { transfer, files }: OpenTransfer,
  client: Actor,
): Promise<{ path: string; size: number }> => {
  const { sandboxId, by } = transfer;
  const actor = { ...client, ...by };
  const action = { action: 'upload', target: sandboxId, sandboxId };
  let written: { path: string; size: number };
  try {
    const limit = Math.min(transfer.maxBytes ?? maxUploadBytes, maxUploadBytes);
    if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
    written = await files.write(transfer.path, bodyWithin(request, limit));
  } catch (error) {
    await audit.recordFailure(actor, action, error);
    throw error;
  }
  await audit.recordDone(actor, [action]);
  return { path: written.path, size: written.size };
};

const download = async (
  request: IncomingMessage,
  response: ServerResponse,
  { transfer: { path }, files }: OpenTransfer,
): Promise<void> => {
  const stat = await files.stat(path);
  if (!stat) throw new AppError('NOT_FOUND', `No file or directory exists at ${path}.`);
  const range = parseRange(request.headers.range, stat.size);
  const headers = {
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    etag: `"${stat.size}-${stat.modifiedAt}"`,
  };
  if (range === 'unsatisfiable')
    return void response
      .writeHead(416, { ...headers, 'content-range': `bytes */${stat.size}` })
      .end();
  const { start, end } = range ?? { start: 0, end: stat.size - 1 };
  const length = end - start + 1;
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': length,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${stat.size}` } : {}),
  });
  if (request.method === 'HEAD') return void response.end();
  const source = files.read(path, { offset: start, length });
  await pipeline(Readable.from(source, { objectMode: false, highWaterMark: READ_BYTES }), response);
};

/** What the URL allows. Rejected URLs count as failures to authenticate. */
const openTransfer = async (
  { files, authenticator }: TransferOptions,
  token: string,
  requestId: string,
  address: string | null,
): Promise<OpenTransfer> => {
  try {
    return await files.openTransfer(token);
  } catch (error) {
    const isRejected =
      error instanceof AppError && (error.code === 'FORBIDDEN' || error.code === 'TOKEN_REVOKED');
    const tooMany =
      isRejected && (await authenticator.rejectAnonymous('transfer', requestId, address));
    throw tooMany || error;
  }
};

const transferFile = async (
  options: TransferOptions,
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
): Promise<void> => {
  const address = options.authenticator.addressOf(request);
  const requestId = newId('req');
  response.setHeader('x-request-id', requestId);
  const open = await openTransfer(options, token, requestId, address);
  const isWrite = request.method === 'PUT' || request.method === 'POST';
  if (!isWrite && request.method !== 'GET' && request.method !== 'HEAD')
    return void response.writeHead(405, { allow: 'GET, HEAD, PUT, POST' }).end();
  if (isWrite !== (open.transfer.direction === 'upload')) throw invalidUrl();
  if (!isWrite) return download(request, response, open);
  sendJson(response, 201, await upload(options, request, open, { requestId, address }));
};

const serveTransfer = async (
  options: TransferOptions,
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
): Promise<void> => {
  // However long a transfer takes, bytes must move: Node ends a socket that is idle for longer.
  request.socket.setTimeout(IDLE_MS);
  try {
    await transferFile(options, request, response, token);
  } catch (error) {
    if (response.headersSent || response.destroyed) return void response.destroy();
    if (!(error instanceof AppError))
      options.log.error({ err: error }, 'A transfer failed with an unexpected error.');
    const { code, message } = error instanceof AppError ? error : internalError();
    const { transferStatus } = errorTable[code];
    sendJson(response, transferStatus, { code, message }, { connection: 'close' });
  }
};

/** Signed URLs: file contents of any size, streamed both ways at the pace of the slower side. False: the path is not one. */
export const createTransferHandler =
  (options: TransferOptions) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (!path.startsWith(PREFIX)) return false;
    void serveTransfer(options, request, response, path.slice(PREFIX.length));
    return true;
  };
