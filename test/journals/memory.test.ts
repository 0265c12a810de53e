import { createMemoryJournal } from '../../src/journal/memory.ts';
import { testJournal } from '../conformance/journal.ts';

testJournal({
  name: 'memory',
  open: async ({ retainBytes = 2 ** 26 } = {}) =>
    createMemoryJournal({ retainBytes, retainMs: 1_000, clock: Date.now }),
});
