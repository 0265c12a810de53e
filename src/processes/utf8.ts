/** Length of the incomplete UTF-8 sequence at the end, 0 to 3 bytes. Bytes that can never become a character count as complete. */
const incompleteTail = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs =
      byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 ? (byte < 0xf0 ? 3 : 1) : byte >= 0xc2 ? 2 : 1;
    return needs > back ? back : 0;
  }
  return 0;
};

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of `bytes` that come after `pending`, without a character cut in two, and what is pending now. */
export const decodeUtf8 = (
  pending: Uint8Array,
  bytes: Uint8Array,
): { text: string; pending: Uint8Array } => {
  const all = pending.length ? Buffer.concat([pending, bytes]) : bytes;
  const tail = incompleteTail(all);
  return {
    text: decoder.decode(all.subarray(0, all.length - tail)),
    pending: all.slice(all.length - tail),
  };
};

/** What was never completed, as U+FFFD. */
export const flushUtf8 = (pending: Uint8Array): string => decoder.decode(pending);
