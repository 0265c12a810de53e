import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import ValidationPlugin from '@pothos/plugin-validation';
import { z } from 'zod';
import type { Principal } from '../authentication/principal.ts';
import { AppError } from '../errors.ts';
import type { Context } from './context.ts';
import { abortSubscriptions } from './plugins/abort-subscriptions.ts';

/** Behind a root field's scope there is always a principal. */
type AuthenticatedContext = Context & { principal: Principal };

export type SchemaTypes = {
  Context: Context;
  AuthScopes: { authenticated: boolean };
  AuthContexts: { authenticated: AuthenticatedContext };
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: number; Output: number };
    /** Whole bytes, up to 2^53 - 1. */
    Byte: { Input: number; Output: number };
    Base64: { Input: Uint8Array; Output: Uint8Array };
    JSON: { Input: unknown; Output: unknown };
    Cursor: { Input: string; Output: string };
  };
};

const unauthenticated = (): AppError =>
  new AppError(
    'UNAUTHENTICATED',
    'This requires a token. Send "Authorization: Bearer <token>" (in connectionParams over WebSocket); `npm run sandbank -- token` creates one.',
  );

/** An id tells its own type, so a global id needs no wrapping: `sbx_…` is a Sandbox everywhere. */
const typenames: Readonly<Record<string, string>> = {
  sbx: 'Sandbox',
  prc: 'Process',
  trm: 'Terminal',
  prv: 'Provider',
};

export const builder = new SchemaBuilder<SchemaTypes>({
  // Outermost first. abortSubscriptions must enclose every plugin that wraps a source in an async generator.
  plugins: [
    abortSubscriptions,
    ErrorsPlugin,
    ScopeAuthPlugin,
    ComplexityPlugin,
    RelayPlugin,
    DataloaderPlugin,
    ValidationPlugin,
  ],
  defaultFieldNullability: false,
  scopeAuth: {
    // Without it an unauthorized subscriber starts the source and is refused only at each event.
    authorizeOnSubscribe: true,
    authScopes: (context) => ({ authenticated: context.principal !== null }),
    unauthorizedError: unauthenticated,
  },
  errors: {
    defaultTypes: [AppError],
    directResult: true,
    unsafelyHandleInputErrors: true,
    defaultUnionOptions: {
      description: 'What was asked for, or why not.',
      name: ({ fieldName }) => `${fieldName[0]?.toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
  relay: {
    cursorType: 'String',
    nodeTypeOptions: { description: 'Anything with an id of its own.' },
    idFieldOptions: {
      description: 'Opaque, and valid everywhere in this API; it begins with its type.',
    },
    nodeQueryOptions: {
      description: 'Whatever has this id; null when there is none in the tenant.',
      args: { id: { description: 'Its id.' } },
    },
    nodesQueryOptions: {
      description: 'The same for several ids, in their order.',
      args: {
        ids: { description: 'Their ids, at most 100.', validate: z.array(z.any()).max(100) },
      },
    },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'There is more after it.' },
    hasPreviousPageFieldOptions: { description: 'There is more before it.' },
    startCursorFieldOptions: { description: 'For `before` of the page in front.' },
    endCursorFieldOptions: { description: 'For `after` of the page behind.' },
    firstArgOptions: { description: 'How many from the start, 1 to 100. Give `first` or `last`.' },
    lastArgOptions: { description: 'How many from the end, 1 to 100.' },
    afterArgOptions: { description: 'With `first`: only what comes after this place.' },
    beforeArgOptions: { description: 'With `last`: only what comes before this place.' },
    pageInfoFieldOptions: { description: 'Where the page lies in the list.' },
    nodeFieldOptions: { description: 'What is there.', nullable: false },
    cursorFieldOptions: { description: 'The place in the list, for `after` and `before`.' },
    edgesFieldOptions: {
      description: 'The places of the page, in order.',
      nullable: { list: false, items: false },
    },
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: typenames[id.slice(0, 3)] ?? 'Unknown', id }),
  },
  validation: {
    validationError: (failure) =>
      new AppError(
        'INVALID_ARGUMENT',
        failure.issues
          .map((issue) => {
            const path = issue.path?.map((part) => (typeof part === 'object' ? part.key : part));
            return path?.length ? `${path.map(String).join('.')}: ${issue.message}` : issue.message;
          })
          .join('; '),
      ),
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 1,
    // The limit is held before anything runs, on every way in (server/complexity.ts); the plugin would do it at each root field.
    disabled: true,
  },
});

const rootScopes = { authenticated: true } as const;

builder.queryType({ description: 'Reads. Nothing here changes anything.', authScopes: rootScopes });
builder.mutationType({
  description: 'Changes. Each takes one `input`; expected failures come back as `Failure`.',
  authScopes: rootScopes,
});
builder.subscriptionType({
  description:
    'Live streams: what happened after `after`, then what happens, with no seam. Every event carries the cursor to resume from.',
  authScopes: rootScopes,
});
