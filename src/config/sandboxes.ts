import { count, size, sizeFrom, type Variables } from '../lib/settings.ts';

/** What a sandbox gets that asks for nothing, and what all of them may use. */
export const sandboxesVariables = {
  SANDBANK_MAX_SANDBOXES: [
    count(0, 1_000_000),
    '0',
    'sandboxes alive at once of all tenants, 0 for no limit',
  ],
  SANDBANK_QUEUE_SECONDS: [
    count(1, 86_400),
    '3600',
    'how long a sandbox waits for room (wait: true)',
  ],
  SANDBANK_USAGE_SECONDS: [count(1, 3_600), '10', 'how often what sandboxes use is booked'],
  SANDBANK_JOURNAL_RETAIN_BYTES: [sizeFrom(1024 ** 2), '64MiB', 'kept of each stream'],
  SANDBANK_JOURNAL_RETAIN_HOURS: [count(1, 8_760), '24', 'how long a stream is kept after its end'],
  SANDBANK_SANDBOX_TIMEOUT_SECONDS: [
    count(1, 31_536_000),
    '1800',
    'life of a sandbox that asks for none',
  ],
  SANDBANK_SANDBOX_MAX_TIMEOUT_SECONDS: [count(1, 31_536_000), '86400', 'longest life'],
  SANDBANK_SANDBOX_CPUS: [count(1, 1_024), '1', 'cores of a sandbox that asks for none'],
  SANDBANK_SANDBOX_MEMORY: [size, '512MiB', 'memory of a sandbox that asks for none'],
  SANDBANK_SANDBOX_DISK: [size, '1GiB', 'disk of a sandbox that asks for none'],
  SANDBANK_SANDBOX_PROCESSES: [
    count(1, 100_000),
    '256',
    'processes of a sandbox that asks for none',
  ],
  SANDBANK_EXEC_OUTPUT_BYTES: [
    size,
    '1MiB',
    'most that exec returns of each stream; the rest is in the journal',
  ],
} satisfies Variables;
