import { type Logger, pino } from 'pino';
import { type App, createApp } from '../app.ts';
import { issueDevelopmentToken } from '../authentication/development-token.ts';
import type { Config } from '../config/read.ts';
import { CONFIRM } from '../pool/ownership.ts';

/** Beside the time for requests under way: for providers, journals and the database. */
const GRACE_MS = 20_000;
/** Names under which secrets could come into a line of the log, at the top of it and one below. */
const SECRETS = ['authorization', 'token', 'secret', 'password', 'cookie', 'env', 'stdin', 'url'];
const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`]);

/** A client's or a vendor's error can carry rows, headers and passwords beside its message. */
const plain = (error: unknown): object => {
  const { message, code, stack } = (error ?? {}) as {
    message?: unknown;
    code?: unknown;
    stack?: unknown;
  };
  return { message: message ?? String(error), code, stack };
};

export const serve = async (config: Config): Promise<number> => {
  const log = pino(
    {
      level: config.logLevel,
      redact: REDACTED,
      serializers: { err: plain },
    },
    pino.destination(2),
  );
  const endInTime = (): void => {
    setTimeout(() => {
      log.error('the server did not stop in time');
      process.exit(1);
    }, config.shutdownMs + GRACE_MS).unref();
  };
  // From now on: whoever is told that the server is ready may stop it at once.
  const stop = stopped();
  const failed = failure(log, endInTime);
  const app = await createApp(config, log);
  try {
    return await Promise.race([run(app, config, stop), failed]);
  } finally {
    endInTime();
    await app
      .dispose()
      .catch((error: unknown) => log.error({ err: error }, 'a part could not be closed'));
  }
};

/** Resolves with the exit code when something was thrown that nobody caught: what is left of the server cannot be relied on. */
const failure = (log: Logger, endInTime: () => void): Promise<number> =>
  new Promise((resolve) => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.fatal({ err: error }, `${event}: the server stops`);
        process.exitCode = 1;
        endInTime();
        resolve(1);
      });
  });

const run = async (app: App, config: Config, stop: Promise<void>): Promise<number> => {
  const { port, portsPort } = await app.listen();
  const base = `http://${config.host}:${port}`;
  const say = (line = ''): unknown => process.stdout.write(`${line}\n`);
  say(`Sandbank is ready on ${base}`);
  say(`  GraphQL        ${base}/graphql   (HTTP, SSE, WebSocket)`);
  if (config.mode === 'development') {
    const { token, expiresAt } = issueDevelopmentToken(app.tokens);
    say(`  GraphiQL       ${base}/graphiql`);
    say(`  Sandbox ports  http://${config.host}:${portsPort}`);
    say();
    say(
      `Development token (role admin, tenant dev, expires ${new Date(expiresAt).toISOString()}):`,
    );
    say(`  Authorization: Bearer ${token}`);
  }
  if (app.doubt !== null) say(`\n! This server may be a copy. ${app.doubt} ${CONFIRM}`);
  await stop;
  return 0;
};

/** Resolves at the first signal. At the second the process ends as it stands: whoever sends it does not want to wait. */
const stopped = (): Promise<void> =>
  new Promise((resolve) => {
    let isStopping = false;
    const stop = (name: NodeJS.Signals, number = 0): void => {
      if (isStopping) {
        process.stderr.write(`sandbank: ended at once by a second signal (${name})\n`);
        process.exit(128 + number);
      }
      isStopping = true;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
