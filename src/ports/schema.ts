import { z } from 'zod';
import { builder } from '../graphql/builder.ts';
import { SignedUrlRef } from '../graphql/signed-url.ts';
import { SandboxRef } from '../sandboxes/schema.ts';

builder.objectField(SandboxRef, 'ports', (t) =>
  t.intList({
    description:
      'TCP ports that something inside listens on; empty when it is not ready, and where its provider cannot reach ports.',
    complexity: 10,
    resolve: (row, _, { ports, principal }) =>
      principal && row.state === 'READY' ? ports.list(principal, row.id) : [],
  }),
);

builder.objectField(SandboxRef, 'portUrl', (t) =>
  t.withAuth({ authenticated: true }).field({
    description:
      'Where to reach an HTTP or WebSocket server inside, from another origin than this API. Whoever has the URL may use it.',
    type: SignedUrlRef,
    args: {
      port: t.arg.int({ required: true, description: '1 to 65535.' }),
      ttlSeconds: t.arg.int({
        description: 'How long it is valid, in seconds, at most 86,400. Default 3,600.',
        validate: z.number().min(1).max(86_400),
      }),
    },
    resolve: (row, { port, ttlSeconds }, { ports, principal }) =>
      ports.url(principal, row.id, port, (ttlSeconds ?? 3_600) * 1_000),
  }),
);
