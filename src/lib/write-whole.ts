import { renameSync, writeFileSync } from 'node:fs';

/** A kill in the middle leaves the old file or the new one, never half of it. */
export const writeWhole = (file: string, content: string | Uint8Array): void => {
  writeFileSync(`${file}.new`, content, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};
