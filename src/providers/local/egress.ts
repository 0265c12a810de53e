import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, isIPv6, type LookupFunction, type Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import type { Logger } from 'pino';
import type { NetworkPolicy } from '../types/sandbox.ts';
import { isPublic } from './addresses.ts';
import { createResolveName, type ResolveName } from './names.ts';

export type EgressOptions = {
  policy: () => NetworkPolicy;
  log: Logger;
  /** Default: the name servers of the system. */
  resolve?: ResolveName;
  /** Which addresses may be reached. Default: public ones. */
  permitAddress?: (address: string) => boolean;
};

/** `handle` takes a raw connection from inside a sandbox that speaks to an HTTP proxy. */
export type Egress = { handle(connection: Duplex): void };

const IDLE_MS = 120_000;
const MAX_HEADER_BYTES = 16_384;
/** Meant for one hop only: they are not passed on. */
const HOP = ['proxy-connection', 'proxy-authorization', 'connection', 'keep-alive', 'te'];

/** `*.example.com` covers every name below example.com; a port may follow, else 80 and 443 are meant. */
export const isAllowed = ({ mode, allow }: NetworkPolicy, host: string, port: number): boolean => {
  if (mode === 'full') return true;
  if (mode === 'none') return false;
  const name = host.toLowerCase().replace(/\.$/, '');
  return allow.some((entry) => {
    const [pattern = '', only] = entry.toLowerCase().split(':');
    const portFits = only ? Number(only) === port : port === 80 || port === 443;
    return (
      portFits && (pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern)
    );
  });
};

type Choice = { lookup: LookupFunction } | { status: number; text: string };

const busy: Choice = {
  status: 503,
  text: 'Too many names are being resolved. Try again in a second.',
};

/** Answers with the addresses that were checked, whatever name is asked: between check and connect nothing is resolved again. */
const answerWith =
  (addresses: readonly string[]): LookupFunction =>
  (_name, options, callback) => {
    const all = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    if (options.all) callback(null, all);
    else callback(null, all[0]?.address ?? '', all[0]?.family);
  };

const plain = (status: number, text: string): string =>
  `HTTP/1.1 ${status} ${status === 400 ? 'Bad Request' : 'Refused'}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${text}\n`;

/** The far end of a sandbox's proxy: resolves names itself and connects to the address it has checked, so that DNS cannot be rebound. */
export const createEgress = ({
  policy,
  log,
  resolve = createResolveName(),
  permitAddress = isPublic,
}: EgressOptions): Egress => {
  const choose = async (host: string, port: number): Promise<Choice> => {
    if (port < 1 || port > 65_535) return { status: 400, text: `There is no port ${port}.` };
    if (!isAllowed(policy(), host, port)) {
      // At debug: a sandbox could otherwise fill the log.
      log.debug({ host, port }, 'egress refused by policy');
      return { status: 403, text: `The sandbox's network policy does not allow ${host}:${port}.` };
    }
    const addresses = await resolve(host).catch(() => []);
    if (addresses === null) return busy;
    const permitted = addresses.filter(permitAddress);
    if (permitted.length) return { lookup: answerWith(permitted) };
    return addresses.length
      ? { status: 403, text: `${host} is a private or local address, which sandboxes never reach.` }
      : { status: 502, text: `${host} could not be resolved.` };
  };

  const refuse = (response: ServerResponse, status: number, text: string): void => {
    if (response.headersSent) response.destroy();
    else
      response
        .writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
        .end(`${text}\n`);
  };

  const forward = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url ?? '') : null;
    if (url?.protocol !== 'http:')
      return refuse(response, 400, 'This is a proxy: use absolute http:// addresses or CONNECT.');
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(url.port || 80);
    const choice = await choose(host, port);
    if ('status' in choice) return refuse(response, choice.status, choice.text);
    if (response.destroyed) return;
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).filter(([name]) => !HOP.includes(name)),
    );
    const outgoing = request({
      // With a name the lookup is asked; an address in the URL has been checked as it stands.
      host,
      port,
      lookup: choice.lookup,
      method: incoming.method,
      path: url.pathname + url.search,
      headers: { ...headers, host: url.host },
      agent: false,
    });
    outgoing.setTimeout(IDLE_MS, () => outgoing.destroy());
    outgoing.on('error', () => refuse(response, 502, `${url.host} does not answer.`));
    outgoing.once('response', (answer) => {
      const kept = Object.entries(answer.headers).filter(([name]) => !HOP.includes(name));
      response.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
      pipeline(answer, response, () => undefined);
    });
    response.once('close', () => outgoing.destroy());
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };

  const tunnel = async (address: string, client: Duplex, head: Buffer): Promise<void> => {
    const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(address) ?? [];
    if (!host) return void client.end(plain(400, 'CONNECT needs host:port.'));
    const choice = await choose(host, Number(port));
    if (client.destroyed) return;
    if ('status' in choice) return void client.end(plain(choice.status, choice.text));
    const upstream = connect({
      host,
      port: Number(port),
      lookup: choice.lookup,
      allowHalfOpen: true,
    });
    let connected = false;
    upstream.setTimeout(IDLE_MS, () => upstream.destroy());
    upstream.once('connect', () => {
      connected = true;
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length) upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    // Once it stands, the tunnel's bytes are the two ends' own: nothing of ours may be mixed in.
    upstream.on('error', () => {
      if (!connected) client.end(plain(502, `${host} does not answer.`));
    });
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      if (connected) client.destroy();
    });
  };

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (incoming, response) => {
    forward(incoming, response).catch(() => refuse(response, 502, 'The proxy failed.'));
  });
  // It never listens, so the timers of its own do not run; the idle time of each connection does.
  server.timeout = IDLE_MS;
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end(plain(400, 'That is not HTTP, or its header is too large.'));
    else socket.destroy();
  });
  server.on('connect', (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    tunnel(incoming.url ?? '', client, head).catch(() => client.destroy());
  });
  return { handle: (connection) => void server.emit('connection', connection as Socket) };
};
