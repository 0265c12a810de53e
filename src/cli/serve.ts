import { pino } from 'pino';
import { createApp } from '../app.ts';
import type { Config } from '../config.ts';

const DEVELOPMENT_TOKEN_SECONDS = 24 * 3600;
/** Names under which secrets could come into a line of the log, at the top of it and one below. */
const SECRETS = ['authorization', 'token', 'secret', 'password', 'cookie', 'env', 'stdin', 'url'];
const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`]);

export const serve = async (config: Config): Promise<number> => {
  const log = pino(
    {
      level: config.logLevel,
      redact: REDACTED,
    },
    pino.destination(2),
  );
  const app = await createApp(config, log);
  const { port, portsPort } = await app.listen();
  const base = `http://${config.host}:${port}`;
  const say = (line = ''): unknown => process.stdout.write(`${line}\n`);
  say(`Sandbank is ready on ${base}`);
  say(`  GraphQL        ${base}/graphql   (HTTP, SSE, WebSocket)`);
  if (config.mode === 'development') {
    const { token, expiresAt } = app.tokens.issue({
      subject: 'dev',
      tenant: 'dev',
      role: 'admin',
      ttlSeconds: DEVELOPMENT_TOKEN_SECONDS,
    });
    say(`  GraphiQL       ${base}/graphiql`);
    say(`  Sandbox ports  http://${config.host}:${portsPort}`);
    say();
    say(
      `Development token (role admin, tenant dev, expires ${new Date(expiresAt).toISOString()}):`,
    );
    say(`  Authorization: Bearer ${token}`);
  }
  await stopped();
  await app.dispose();
  return 0;
};

const stopped = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
