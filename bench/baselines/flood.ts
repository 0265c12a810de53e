import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A tenant that does not care: so many requests a second, evenly, for so long, from a process of its own. */
const [url = '', token = '', body = '', perSecond = '', seconds = ''] = process.argv.slice(2);
const CONNECTIONS = 20;
const TICK_MS = 2;

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
const counts = { ok: 0, refused: 0, errors: 0 };
let under = 0;
const send = (): void => {
  under += 1;
  const call = request(url, { agent, method: 'POST', headers }, (answer) => {
    if (answer.statusCode === 200) counts.ok += 1;
    else counts.refused += 1;
    answer.resume().once('end', () => {
      under -= 1;
    });
  });
  call.once('error', () => {
    under -= 1;
    counts.errors += 1;
  });
  call.end(body);
};

const start = performance.now();
const end = start + Number(seconds) * 1_000;
let sent = 0;
for (let now = start; now < end; now = performance.now()) {
  const due = ((now - start) / 1_000) * Number(perSecond);
  // One that is behind does not catch up by a burst, and does not queue without end.
  for (; sent < due && under < CONNECTIONS * 10; sent += 1) send();
  sent = Math.max(sent, Math.floor(due) - CONNECTIONS);
  await sleep(TICK_MS);
}
agent.destroy();
console.log(JSON.stringify(counts));
process.exit(0);
