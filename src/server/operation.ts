import type { DocumentNode } from 'graphql';

/** What a client wants to run; the document is validated. */
export type Operation = {
  document: DocumentNode;
  variables: Record<string, unknown> | undefined;
  /** Which of the document's operations; may be absent when there is one. */
  name: string | undefined;
};
