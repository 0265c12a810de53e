import {
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  visit,
} from 'graphql';
import { encodeJson, type Json } from '../graphql/json.ts';
import type { Operation } from './operation.ts';

/** The one root field of a subscription whose events depend on nothing but themselves. */
const sharedRootField = (
  schema: GraphQLSchema,
  { document, name }: Operation,
): FieldNode | undefined => {
  const [root, ...others] = getOperationAST(document, name)?.selectionSet.selections ?? [];
  if (root?.kind !== Kind.FIELD || others.length > 0) return undefined;
  const field = schema.getSubscriptionType()?.getFields()[root.name.value];
  return field?.extensions.pureEvents === true ? root : undefined;
};

/** Names of the variables that can change what an event shows: all but the root field's arguments. */
const variablesBelow = (document: DocumentNode, root: FieldNode): string[] => {
  const names = new Set<string>();
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  for (const part of [root.selectionSet, ...(root.directives ?? []), ...fragments])
    if (part) visit(part, { Variable: ({ name }) => void names.add(name.value) });
  return [...names].sort();
};

/**
 * A thousand subscribers of one stream get the same event objects. Where a field says that what its events show depends on the event
 * alone (`pureEvents`), each is executed and encoded once for all subscribers that selected the same.
 */
export const createSharedResults = (schema: GraphQLSchema) => {
  const texts = new WeakMap<object, Map<string, Promise<Json | null>>>();
  const known = new WeakMap<FieldNode, { number: number; variables: string[] }>();
  let count = 0;

  /** How one subscription turns an event into the JSON of its result. */
  return (
    operation: Operation,
    run: (event: unknown) => Promise<ExecutionResult>,
  ): ((event: unknown) => Promise<Json>) => {
    const { document, variables } = operation;
    const executeAlone = async (event: unknown): Promise<Json> => encodeJson(await run(event));
    const root = sharedRootField(schema, operation);
    if (!root) return executeAlone;
    const selection = known.get(root) ?? {
      number: ++count,
      variables: variablesBelow(document, root),
    };
    known.set(root, selection);
    const key = JSON.stringify([
      selection.number,
      selection.variables.map((one) => variables?.[one]),
    ]);

    const executeShared = async (event: unknown): Promise<Json | null> => {
      const result = await run(event);
      if (result.errors) return null;
      const json = encodeJson(result);
      // The text is encoded once, not for each subscriber.
      return typeof json === 'string' ? Buffer.from(json) : json;
    };
    return async (event) => {
      if (typeof event !== 'object' || event === null) return executeAlone(event);
      const ofEvent = texts.get(event) ?? new Map<string, Promise<Json | null>>();
      texts.set(event, ofEvent);
      const shared = ofEvent.get(key) ?? executeShared(event);
      ofEvent.set(key, shared);
      // An error names its request, so each subscriber gets its own.
      return (await shared) ?? executeAlone(event);
    };
  };
};
