import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { setBounded } from '../lib/set-bounded.ts';
import { overDocumentLimits } from './document-limits.ts';

const MAX_DOCUMENTS = 500;
const MAX_CACHED_LENGTH = 64 * 1024;
const MAX_TOKENS = 3_000;
/** More tell nobody more, and a document of nothing but mistakes would be answered with as many. */
const MAX_ERRORS = 5;

const NO_ERROR = new GraphQLError('The document cannot be read.');

type Parsed = { document: DocumentNode } | { errors: readonly GraphQLError[] };

export type Documents = {
  /** Parsed, at most 3,000 tokens, within the limits of documents; throws the first fault. */
  parse(text: string): DocumentNode;
  /** `hidden`: the caller may not see the schema, so nothing of it is told: no introspection, no names that are nearly right. */
  validate(document: DocumentNode, hidden: boolean): readonly GraphQLError[];
  /** Both, with the faults as they are. */
  prepare(text: string, hidden: boolean): Parsed;
};

/** Texts, once parsed and validated, are remembered. */
export const createDocuments = (schema: GraphQLSchema): Documents => {
  const texts = new Map<string, Parsed>();
  const validated = {
    open: new WeakMap<DocumentNode, readonly GraphQLError[]>(),
    hidden: new WeakMap<DocumentNode, readonly GraphQLError[]>(),
  };

  const read = (text: string): Parsed => {
    try {
      const document = parse(text, { maxTokens: MAX_TOKENS });
      const errors = overDocumentLimits(document);
      return errors.length ? { errors } : { document };
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
    }
  };
  const parsed = (text: string): Parsed => {
    const known = texts.get(text);
    if (known) return known;
    const fresh = read(text);
    if (text.length <= MAX_CACHED_LENGTH) setBounded(texts, text, fresh, MAX_DOCUMENTS);
    return fresh;
  };

  const documents: Documents = {
    parse(text) {
      const result = parsed(text);
      if ('document' in result) return result.document;
      // A copy: Yoga writes its notes into what it catches, and this one is remembered.
      const [{ message, nodes, source, positions, originalError } = NO_ERROR] = result.errors;
      throw new GraphQLError(message, {
        nodes: nodes ?? null,
        source: source ?? null,
        positions: positions ?? null,
        originalError: originalError ?? null,
      });
    },
    validate(document, hidden) {
      const known = hidden ? validated.hidden : validated.open;
      const errors =
        known.get(document) ??
        validate(
          schema,
          document,
          hidden ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules,
          { maxErrors: MAX_ERRORS, hideSuggestions: hidden },
        );
      known.set(document, errors);
      return errors;
    },
    prepare(text, hidden) {
      const result = parsed(text);
      if (!('document' in result)) return result;
      const errors = documents.validate(result.document, hidden);
      return errors.length ? { errors } : result;
    },
  };
  return documents;
};
