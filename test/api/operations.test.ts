import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CreateSandboxDocument,
  ExecDocument,
  LookAroundDocument,
  ProcessOutputDocument,
  StartProcessDocument,
} from '../../schema/generated/operations.ts';
import { ask, overWebSocket } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** The documents that GraphiQL shows, as a typed client runs them: their types are generated from the schema. */
describe('the named operations', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  const run = async <Result, Variables extends object>(
    document: TypedDocumentNode<Result, Variables>,
    variables: Variables,
  ): Promise<Result> => (await ask(server, print(document), variables)) as Result;

  const create = async (): Promise<string> => {
    const { createSandbox } = await run(CreateSandboxDocument, {
      input: { labels: [{ key: 'made-by', value: 'test' }] },
    });
    if (createSandbox.__typename !== 'SandboxPayload') throw new Error(createSandbox.message);
    return createSandbox.sandbox.id;
  };

  it('look around, and find what was made', async () => {
    const id = await create();
    const { viewer, providers, sandboxes } = await run(LookAroundDocument, {});
    expect(viewer.tenant).toBe('acme');
    expect(providers.map(({ name }) => name)).toContain('local');
    expect(sandboxes.edges.map(({ node }) => node.id)).toContain(id);
  });

  it('run a command, and follow a process to its exit', async () => {
    const sandboxId = await create();
    const { exec } = await run(ExecDocument, { input: { sandboxId, command: 'echo typed' } });
    expect(exec).toMatchObject({ __typename: 'ExecPayload', stdout: 'typed\n', exitCode: 0 });

    const { startProcess } = await run(StartProcessDocument, {
      input: { sandboxId, command: 'for i in 1 2 3; do echo $i; sleep 0.05; done' },
    });
    if (startProcess.__typename !== 'ProcessPayload') throw new Error(startProcess.message);
    const stream = overWebSocket(server, print(ProcessOutputDocument), {
      processId: startProcess.process.id,
    });
    let text = '';
    for await (const { data } of stream) {
      const event = data.processOutput;
      if (event.__typename === 'ProcessOutput') text += event.text;
      else
        expect(event).toMatchObject({ __typename: 'ProcessExited', kind: 'EXITED', exitCode: 0 });
    }
    expect(text).toBe('1\n2\n3\n');
  });
});
