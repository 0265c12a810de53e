import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, mutate } from './helpers/client.ts';
import { startServer, type TestServer } from './helpers/server.ts';
import { serviceUrl } from './helpers/services.ts';

/** As little of Chromium's own traffic as can be. */
const args = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

describe('GraphiQL in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  const outside: string[] = [];
  const errors: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    browser = await chromium.launch({ executablePath: serviceUrl('SANDBANK_TEST_CHROMIUM'), args });
    page = await browser.newPage();
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== server.url) outside.push(request.url());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(`${server.url}/graphiql`);
    await page.waitForSelector('.graphiql-execute-button');
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const run = async (document: string): Promise<void> => {
    await page.click('.graphiql-query-editor .view-lines');
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText(document);
    // The page reads the operation's name a moment after the text, and shows it in the tab.
    const name = /^\w+ (\w+)/.exec(document)?.[1] ?? '';
    await page.getByRole('tab', { name }).waitFor();
    await page.click('.graphiql-execute-button');
  };
  /** Monaco shows non-breaking spaces. */
  const shows = (text: string): Promise<unknown> =>
    page.waitForFunction(
      (wanted) =>
        document
          .querySelector('.result-window')
          ?.textContent?.replace(/\u00a0/g, ' ')
          .includes(wanted),
      text,
      { timeout: 15_000 },
    );

  it('has the operations in tabs, with example variables', async () => {
    expect(await page.locator('.graphiql-tab').allInnerTexts()).toEqual([
      'LookAround',
      'CreateSandbox',
      'Exec',
      'StartProcess',
      'ProcessOutput',
    ]);
  });

  it('runs a query with the development token', async () => {
    await page.click('.graphiql-execute-button');
    await shows('"subject": "dev"');
  });

  it('shows a subscription as it goes', async () => {
    const { createSandbox } = await page.evaluate(async () => {
      const token = Object.values(localStorage)
        .map((value) => /Bearer ([\w.-]+)/.exec(value)?.[1])
        .find(Boolean);
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({
          query:
            'mutation { createSandbox(input: {}) { ... on SandboxPayload { sandbox { id } } } }',
        }),
      });
      return (await response.json()).data;
    });
    const token = server.token({ tenant: 'dev' });
    const { process } = await mutate(
      server,
      'startProcess',
      'process { id }',
      { sandboxId: createSandbox.sandbox.id, command: 'echo first; read line; echo "got $line"' },
      token,
    );
    await run(
      `subscription Follow { processOutput(processId: "${process.id}") { ... on ProcessOutput { text } ... on ProcessExited { exitCode } } }`,
    );
    await shows('first');
    await mutate(
      server,
      'writeStdin',
      'process { id }',
      { processId: process.id, text: 'second\n' },
      token,
    );
    await shows('exitCode');
  });

  it('asks nobody else for anything, and has no errors', () => {
    expect(outside).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('is compressed, and known by its ETag', async () => {
    const first = await fetch(`${server.url}/graphiql`);
    expect(first.headers.get('content-encoding')).toBe('gzip');
    expect((await first.text()).length).toBeGreaterThan(1_000_000);
    const again = await fetch(`${server.url}/graphiql`, {
      headers: { 'if-none-match': first.headers.get('etag') ?? '' },
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('is not served in production, where no development token is made either', async () => {
    const production = await startServer({
      SANDBANK_MODE: 'production',
      SANDBANK_JWT_SECRET: 'a secret of this test, of 32 bytes or more',
    });
    expect((await fetch(`${production.url}/graphiql`)).status).toBe(404);
    expect(await ask(production, '{ viewer { tenant } }')).toEqual({ viewer: { tenant: 'acme' } });
    await production.stop();
  });
});
