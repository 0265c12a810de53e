import type { DocumentNode } from 'graphql';

/** What a client asks to run; the document has been validated. */
export type Operation = {
  document: DocumentNode;
  variables: Record<string, unknown> | undefined;
  /** Which of the document's operations; may be absent when there is one. */
  name: string | undefined;
};
