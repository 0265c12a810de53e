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
import { checkDocumentLimits } from './document-limits.ts';

const MAX_DOCUMENTS = 500;
const MAX_CACHED_LENGTH = 64 * 1024;
const MAX_TOKENS = 3_000;
/** A document that consists of mistakes must not be answered with an error for each. */
const MAX_ERRORS = 5;

const NO_ERROR = new GraphQLError('The document cannot be parsed.');

type Parsed = { document: DocumentNode } | { errors: readonly GraphQLError[] };

export type Documents = {
  /** At most 3,000 tokens, and within the limits of documents; throws the first error. */
  parse(text: string): DocumentNode;
  /** `hidesSchema`: the caller may not see the schema, so errors suggest no names, and introspection is refused. */
  validate(document: DocumentNode, hidesSchema: boolean): readonly GraphQLError[];
  /** Both; errors are not formatted yet. */
  prepare(text: string, hidesSchema: boolean): Parsed;
};

/** Parses and validates; the results for recent texts are cached. */
export const createDocuments = (schema: GraphQLSchema): Documents => {
  const texts = new Map<string, Parsed>();
  const validated = {
    open: new WeakMap<DocumentNode, readonly GraphQLError[]>(),
    hidden: new WeakMap<DocumentNode, readonly GraphQLError[]>(),
  };

  const parseText = (text: string): Parsed => {
    try {
      const document = parse(text, { maxTokens: MAX_TOKENS });
      const errors = checkDocumentLimits(document);
      return errors.length ? { errors } : { document };
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
    }
  };
  const parsed = (text: string): Parsed => {
    const known = texts.get(text);
    if (known) return known;
    const fresh = parseText(text);
    if (text.length <= MAX_CACHED_LENGTH) setBounded(texts, text, fresh, MAX_DOCUMENTS);
    return fresh;
  };

  const documents: Documents = {
    parse(text) {
      const result = parsed(text);
      if ('document' in result) return result.document;
      // A copy: Yoga modifies the errors it catches, and this one is cached.
      const [{ message, nodes, source, positions, originalError } = NO_ERROR] = result.errors;
      throw new GraphQLError(message, {
        nodes: nodes ?? null,
        source: source ?? null,
        positions: positions ?? null,
        originalError: originalError ?? null,
      });
    },
    validate(document, hidesSchema) {
      const known = hidesSchema ? validated.hidden : validated.open;
      const errors =
        known.get(document) ??
        validate(
          schema,
          document,
          hidesSchema ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules,
          { maxErrors: MAX_ERRORS, hideSuggestions: hidesSchema },
        );
      known.set(document, errors);
      return errors;
    },
    prepare(text, hidesSchema) {
      const result = parsed(text);
      if (!('document' in result)) return result;
      const errors = documents.validate(result.document, hidesSchema);
      return errors.length ? { errors } : result;
    },
  };
  return documents;
};
