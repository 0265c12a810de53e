import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { errorTable } from '../../src/error-table.ts';
import { AppError, type ErrorCode, errorCodes } from '../../src/errors.ts';
import { sendError } from '../../src/server/graphql-endpoint.ts';
import { closeWithError } from '../../src/server/ws-close.ts';
import { ask, mutate, newSandbox } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** Connects, sends the payload of `connection_init` if there is one, and waits for the end. */
const closeOf = (url: string, payload?: object): Promise<{ code: number; reason: string }> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    socket.once('error', reject);
    socket.once('open', () => {
      if (payload) socket.send(JSON.stringify({ type: 'connection_init', payload }));
    });
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });

describe('the error table', () => {
  it('has one row for each code, and no other', () => {
    expect(Object.keys(errorTable).sort()).toEqual([...errorCodes].sort());
  });

  describe('on a server that fails with the code in the path', () => {
    const http = createServer((request, response) => {
      const code = (request.url ?? '').slice(1) as ErrorCode;
      sendError(response, new AppError(code, 'It failed.'), 'req_test');
    });
    const sockets = new WebSocketServer({ server: http });
    sockets.on('connection', (socket, { url = '' }) =>
      closeWithError(socket, new AppError(url.slice(1) as ErrorCode, 'é'.repeat(200))),
    );
    let port = 0;
    beforeAll(async () => {
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
      ({ port } = http.address() as AddressInfo);
    });
    afterAll(() => new Promise((resolve) => http.close(resolve)));

    it.each(errorCodes)('%s has its HTTP status and its close code', async (code) => {
      const response = await fetch(`http://127.0.0.1:${port}/${code}`);
      const { errors } = (await response.json()) as { errors: { extensions: object }[] };
      expect(response.status).toBe(errorTable[code].requestStatus);
      expect(errors[0]?.extensions).toMatchObject({ code, requestId: 'req_test' });
      expect(response.headers.has('www-authenticate')).toBe(response.status === 401);
      const close = await closeOf(`ws://127.0.0.1:${port}/${code}`);
      expect(close.code).toBe(errorTable[code].closeCode);
      expect(close.reason).toMatch(new RegExp(`^${code}: é+`));
    });
  });

  describe('on the whole server', () => {
    let server: TestServer;
    let sandboxId: string;
    let ended: string;
    let revoked: string;
    const urls: Record<string, string> = {};
    beforeAll(async () => {
      server = await startServer({ SANDBANK_MAX_BODY_BYTES: '100KiB' });
      revoked = server.token({ subject: 'leaver' });
      const expired = server.token({ ttlSeconds: -60 });
      const urlsOf = async (id: string, token: string) =>
        (
          await ask(
            server,
            'query ($id: ID!) { sandbox(id: $id) { downloadUrl(path: "none") { url } uploadUrl(path: "f", maxBytes: 1) { url } } }',
            { id },
            token,
          )
        ).sandbox;
      sandboxId = await newSandbox(server);
      ended = await newSandbox(server);
      const query = `query ($id: ID!) { sandbox(id: $id) { portUrl(port: 9) { url } } }`;
      urls.port = (await ask(server, query, { id: sandboxId })).sandbox.portUrl.url;
      urls.endedPort = (await ask(server, query, { id: ended })).sandbox.portUrl.url;
      const own = await urlsOf(sandboxId, server.token());
      Object.assign(urls, { download: own.downloadUrl.url, upload: own.uploadUrl.url, expired });
      urls.ended = (await urlsOf(ended, server.token())).downloadUrl.url;
      urls.revoked = (await urlsOf(sandboxId, revoked)).downloadUrl.url;
      await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: ended });
      await mutate(server, 'revokeTokens', 'before', { subject: 'leaver' });
    });
    afterAll(() => server?.stop());

    const post = (token: string, body = '{"query":"{ viewer { role } }"}') =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body,
      });

    it.each([
      ['UNAUTHENTICATED', () => post('junk'), 401],
      ['TOKEN_EXPIRED', () => post(urls.expired ?? ''), 401],
      ['TOKEN_REVOKED', () => post(revoked), 401],
      ['TOO_LARGE', () => post(server.token(), `"${'x'.repeat(200_000)}"`), 413],
    ] as const)('%s refuses a request with its status', async (code, request, status) => {
      const response = await request();
      expect([response.status, status]).toEqual([errorTable[code].requestStatus, status]);
      expect(await response.text()).toContain(code);
    });

    it.each([
      ['FORBIDDEN', () => fetch(`${server.url}/transfers/junk`), 403],
      ['NOT_FOUND', () => fetch(urls.download ?? ''), 404],
      ['TERMINATED', (): Promise<Response> => fetch(urls.ended ?? ''), 410],
      ['TOKEN_REVOKED', (): Promise<Response> => fetch(urls.revoked ?? ''), 403],
      ['TOO_LARGE', () => fetch(urls.upload ?? '', { method: 'PUT', body: 'too much' }), 413],
    ] as const)('%s refuses a signed URL with its status', async (code, request, status) => {
      const response = await request();
      expect([response.status, status]).toEqual([errorTable[code].transferStatus, status]);
      expect(await response.json()).toMatchObject({ code });
    });

    it.each([
      ['FORBIDDEN', (): string => `${server.portsUrl}/t/junk/`, 403],
      ['UNAVAILABLE', (): string => urls.port ?? '', 502],
      ['TERMINATED', (): string => urls.endedPort ?? '', 410],
    ] as const)('%s refuses the URL of a port with its status', async (code, url, status) => {
      const { status: found } = await fetch(url());
      expect([found, status]).toEqual([errorTable[code].portStatus, status]);
    });

    it.each([
      ['UNAUTHENTICATED', (): string => ''],
      ['UNAUTHENTICATED', (): string => 'junk'],
      ['TOKEN_EXPIRED', (): string => urls.expired ?? ''],
      ['TOKEN_REVOKED', (): string => revoked],
    ] as const)('%s closes a WebSocket with its code', async (code, tokenOf) => {
      const close = await closeOf(server.wsUrl, { authorization: `Bearer ${tokenOf()}` });
      expect([close.code, 4403]).toEqual([errorTable[code].closeCode, close.code]);
      expect(close.reason).toContain(code);
    });
  });

  it('says how the command line ends', async () => {
    const { code } = await new Promise<{ code: unknown }>((resolve) =>
      execFile(process.execPath, ['src/main.ts', 'nothing'], (error) =>
        resolve({ code: error?.code }),
      ),
    );
    expect(code).toBe(errorTable.INVALID_ARGUMENT.exitCode);
  });
});
