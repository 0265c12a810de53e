import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers every request with 429 and nothing else: what a flood costs a machine, whoever it is for. */
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(429, { 'content-length': 2 }).end('{}');
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
