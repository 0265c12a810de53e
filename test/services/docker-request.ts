import { request } from 'node:http';

/** One request to a Docker-compatible API over its socket; the body of the answer as text. */
export const dockerRequest = (
  host: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: host.replace(/^unix:\/\//, ''),
        ...{ method, path, timeout: 60_000 },
        headers: { host: 'docker', 'content-type': 'application/json' },
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
        );
      },
    );
    call.once('timeout', () => call.destroy(new Error(`${method} ${path} took over a minute`)));
    call.once('error', reject);
    call.end(body && JSON.stringify(body));
  });
