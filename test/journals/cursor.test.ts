import { describe, expect, it } from 'vitest';
import { createCursors } from '../../src/journal/cursor.ts';

describe('cursors', () => {
  const cursors = createCursors('secret');
  const cursor = cursors.encode('acme', 'process:1', 123_456);

  it('come back as the place they were made of', () => {
    expect(cursors.decode('acme', 'process:1', cursor)).toBe(123_456);
  });

  it.each([
    ['another tenant', () => cursors.decode('evil', 'process:1', cursor)],
    ['another stream', () => cursors.decode('acme', 'process:2', cursor)],
    ['another secret', () => createCursors('other').decode('acme', 'process:1', cursor)],
    ['nothing', () => cursors.decode('acme', 'process:1', '')],
    ['junk', () => cursors.decode('acme', 'process:1', '\0💥'.repeat(20))],
    ['padding', () => cursors.decode('acme', 'process:1', `${cursor}=`)],
  ])('are refused for %s', (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'BAD_CURSOR' }));
  });

  it('expire with the journal that they are a place in', () => {
    const place = cursors.encode('acme', 'process:1', 7, 'journal-a');
    expect(cursors.decode('acme', 'process:1', place, 'journal-a')).toBe(7);
    expect(() => cursors.decode('acme', 'process:1', place, 'journal-b')).toThrow(
      expect.objectContaining({ code: 'CURSOR_EXPIRED' }),
    );
    for (const decode of [
      () => cursors.decode('acme', 'process:1', place),
      () => cursors.decode('acme', 'process:1', cursor, 'journal-a'),
      () => cursors.decode('acme', 'process:2', place, 'journal-a'),
    ])
      expect(decode).toThrow(expect.objectContaining({ code: 'BAD_CURSOR' }));
  });

  it('are refused with any one bit changed', () => {
    const raw = Buffer.from(cursor, 'base64url');
    for (let bit = 0; bit < raw.length * 8; bit += 1) {
      const forged = Buffer.from(raw);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => cursors.decode('acme', 'process:1', forged.toString('base64url'))).toThrow(
        /not one of this stream/,
      );
    }
  });
});
