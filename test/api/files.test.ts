import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Data } from '../helpers/answers.ts';
import { ask, mutate, newSandbox, overWebSocket } from '../helpers/client.ts';
import { freePort, launch, launchedServer } from '../helpers/launch.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

describe('files and ports', () => {
  let server: TestServer;
  let sandboxId: string;
  beforeAll(async () => {
    server = await startServer();
    sandboxId = await newSandbox(server, { diskBytes: 3 * 2 ** 30 });
  });
  afterAll(() => server?.stop());
  const look = async (selection: string): Promise<Data['sandbox']> =>
    (await ask(server, `query ($id: ID!) { sandbox(id: $id) { ${selection} } }`, { id: sandboxId }))
      .sandbox;
  const write = (file: object): Promise<Data['writeFile']> =>
    mutate(server, 'writeFile', 'file { path size mode sha256 }', { sandboxId, file });

  it('writes, reads, lists and removes', async () => {
    const sha256 = createHash('sha256').update('héllo').digest('hex');
    expect(await write({ path: 'a/b.txt', text: 'héllo', permissions: '0640' })).toMatchObject({
      file: { path: '/home/user/a/b.txt', size: 6, mode: '0640', sha256 },
    });
    const seen = await look(
      'file(path: "a/b.txt") { type content { text totalSize } part: content(offset: 1, length: 2) { text data truncated } } none: file(path: "zzz") { path } fileExists(path: "a") directory(path: ".", recursive: true) { entries { path type } }',
    );
    expect(seen).toMatchObject({
      file: {
        type: 'FILE',
        content: { text: 'héllo', totalSize: 6 },
        part: { text: 'é', truncated: true },
      },
      none: null,
      fileExists: true,
      directory: { entries: [{ path: '/home/user/a' }, { path: '/home/user/a/b.txt' }] },
    });
    expect(await write({ path: 'a/b.txt', text: 'x', mode: 'CREATE' })).toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    expect(await write({ path: 'a/b.txt', text: 'x', ifMatch: '0'.repeat(64) })).toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
    expect(
      await mutate(server, 'movePath', 'file { path }', { sandboxId, from: 'a', to: 'c' }),
    ).toMatchObject({ file: { path: '/home/user/c' } });
    expect(await mutate(server, 'removePath', 'path', { sandboxId, path: 'c' })).toMatchObject({
      code: 'CONFLICT',
    });
    expect(
      await mutate(server, 'removePath', 'path', { sandboxId, path: 'c', recursive: true }),
    ).toMatchObject({ path: 'c' });
    const many = await mutate(server, 'writeFiles', 'outcomes { path errorCode file { size } }', {
      sandboxId,
      files: [
        { path: 'ok', text: '1' },
        { path: '/etc/no', text: '1' },
      ],
    });
    expect(many.outcomes).toEqual([
      { path: 'ok', errorCode: null, file: { size: 1 } },
      { path: '/etc/no', errorCode: 'FORBIDDEN', file: null },
    ]);
  });

  it.each(['a\0b', '\ud800', 'x'.repeat(5_000)])('refuses the path %j', async (path) => {
    expect(await write({ path, text: '' })).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('tells of changes', async () => {
    const query =
      'subscription ($id: ID!) { fileChanges(sandboxId: $id, path: ".", recursive: true) { kind path } }';
    const timer = setInterval(() => void write({ path: `new-${Date.now()}`, text: '1' }), 100);
    for await (const { data } of overWebSocket(server, query, { id: sandboxId }))
      if (data.fileChanges.kind === 'CREATED' && data.fileChanges.path.includes('new-')) break;
    clearInterval(timer);
  });

  it('ends fileChanges when the sandbox ends', async () => {
    const id = await newSandbox(server);
    const changes = overWebSocket(
      server,
      'subscription ($id: ID!) { fileChanges(sandboxId: $id, path: ".", recursive: true) { kind path } }',
      { id },
    );
    const first = changes.next();
    let isSeen = false;
    void first.then(() => {
      isSeen = true;
    });
    for (let round = 0; !isSeen; round += 1) {
      await mutate(server, 'writeFile', 'file { path }', {
        ...{ sandboxId: id, file: { path: `seen-${round}`, text: 'x' } },
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await mutate(server, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
    // Whatever is still on its way comes first; then the subscription completes, or this never ends.
    for (let step = await first; step.done !== true; step = await changes.next());
  });

  it('takes and gives a gibibyte with flat memory, in ranges too', async () => {
    // A server of its own process, so that the client's memory is not counted as the server's.
    const port = await freePort();
    const launched = await launch(await mkdtemp(join(tmpdir(), 'sandbank-transfer-')), port);
    const other = launchedServer(port);
    const id = await newSandbox(other, { diskBytes: 3 * 2 ** 30, memoryBytes: 2 ** 30 });
    const query =
      'query ($id: ID!) { sandbox(id: $id) { uploadUrl(path: "big") { url } downloadUrl(path: "big") { url } } }';
    const { uploadUrl, downloadUrl } = (await ask(other, query, { id })).sandbox;
    const resident = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${launched.pid}/status`, 'utf8'))?.[1]) *
      1_024;
    const block = Buffer.alloc(2 ** 20, 'sandbank ');
    const blocks = 1_024;
    const sent = createHash('sha256');
    const body = Readable.from(
      (function* () {
        for (let index = 0; index < blocks; index += 1) {
          block.writeUInt32BE(index);
          const copy = Buffer.from(block);
          sent.update(copy);
          yield copy;
        }
      })(),
    );
    const before = resident();
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, resident());
    }, 50);
    const uploaded = await fetch(uploadUrl.url, {
      method: 'PUT',
      body,
      duplex: 'half',
    } as unknown as RequestInit);
    expect([uploaded.status, ((await uploaded.json()) as { size: number }).size]).toEqual([
      201,
      blocks * 2 ** 20,
    ]);
    const received = createHash('sha256');
    const download = await fetch(downloadUrl.url);
    for await (const part of download.body ?? []) received.update(part);
    clearInterval(timer);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    expect(peak - before).toBeLessThan(150 * 2 ** 20);
    const part = await fetch(downloadUrl.url, { headers: { range: 'bytes=4-12' } });
    expect([part.status, await part.text()]).toEqual([206, 'bank sand']);
    await mutate(other, 'destroySandbox', 'sandbox { id }', { sandboxId: id });
    await launched.kill('SIGTERM');
  }, 300_000);

  it('refuses URLs that were changed, turned round, too large or broken off', async () => {
    const { uploadUrl, downloadUrl } = await look(
      'uploadUrl(path: "small", maxBytes: 10) { url } downloadUrl(path: "small") { url }',
    );
    expect((await fetch(uploadUrl.url, { method: 'PUT', body: 'x'.repeat(11) })).status).toBe(413);
    expect((await fetch(downloadUrl.url)).status).toBe(404);
    expect((await fetch(downloadUrl.url, { method: 'PUT', body: 'x' })).status).toBe(403);
    expect((await fetch(uploadUrl.url)).status).toBe(403);
    for (let index = uploadUrl.url.length - 60; index < uploadUrl.url.length; index += 7) {
      const changed =
        uploadUrl.url.slice(0, index) +
        (uploadUrl.url[index] === 'A' ? 'B' : 'A') +
        uploadUrl.url.slice(index + 1);
      expect((await fetch(changed, { method: 'PUT', body: 'x' })).status).toBe(403);
    }
    expect((await fetch(uploadUrl.url, { method: 'PUT', body: 'fits' })).status).toBe(201);
  });

  it('reaches HTTP and WebSocket servers inside by a URL that names the port', async () => {
    const code = `import socket,threading,hashlib,base64
def serve(c):
    head=b''
    while b'\\r\\n\\r\\n' not in head: head+=c.recv(4096)
    text=head.decode()
    if 'Upgrade' in text or 'upgrade: ' in text:
        key=[l.split(': ')[1] for l in text.split('\\r\\n') if l.lower().startswith('sec-websocket-key')][0]
        accept=base64.b64encode(hashlib.sha1((key+'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode()
        c.sendall(('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: '+accept+'\\r\\n\\r\\n').encode()); c.sendall(bytes([0x81,2])+b'hi'); c.recv(10)
    else:
        body=text.encode(); c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: '+str(len(body)).encode()+b'\\r\\n\\r\\n'+body)
    c.close()
s=socket.create_server(('127.0.0.1',8080)); print('up',flush=True)
while True:
    c,_=s.accept(); threading.Thread(target=serve,args=(c,)).start()`;
    await mutate(server, 'startProcess', 'process { id }', {
      sandboxId,
      argv: ['python3', '-c', code],
    });
    while (!(await look('ports')).ports.includes(8_080))
      await new Promise((resolve) => setTimeout(resolve, 50));
    const { portUrl } = await look('portUrl(port: 8080) { url }');
    const { portUrl: closed } = await look('portUrl(port: 8081) { url }');
    expect(portUrl.url.startsWith(server.portsUrl)).toBe(true);
    const first = await fetch(`${portUrl.url}page?x=1`, { headers: { cookie: 'own=1' } });
    const text = await first.text();
    expect(text).toMatch(/^GET \/page\?x=1 HTTP\/1.1/);
    expect(text).toMatch(/cookie: own=1\r\n/);
    expect(text).not.toContain(portUrl.url.split('/t/')[1]?.slice(0, 20));
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(
      await (await fetch(`${server.portsUrl}/asset.js`, { headers: { cookie } })).text(),
    ).toMatch(/^GET \/asset.js/);
    const socket = new WebSocket(`${portUrl.url.replace('http', 'ws')}ws`);
    expect(
      await new Promise((resolve, reject) =>
        socket.once('message', (data) => resolve(String(data))).once('error', reject),
      ),
    ).toBe('hi');
    socket.terminate();
    expect((await fetch(closed.url)).status).toBe(502);
    expect((await fetch(`${server.portsUrl}/t/forged/`)).status).toBe(403);
    expect((await fetch(`${server.portsUrl}/`)).status).toBe(403);
  });
});
