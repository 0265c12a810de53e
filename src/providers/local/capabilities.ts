import type { Capabilities } from '../types/capabilities.ts';

/** Without a writable control group nobody holds back cores and memory. */
export const localCapabilities = (hasCgroups: boolean): Capabilities => ({
  reattach: 'replay',
  output: 'bytes',
  files: 'bytes',
  pty: 'native',
  stdin: 'native',
  signals: 'group',
  watch: 'native',
  ports: 'tunnel',
  extend: 'native',
  networkModes: ['none', 'allow-list', 'full'],
  pause: 'none',
  snapshot: 'none',
  secrets: 'env',
  warm: 'native',
  bound: 'host',
  limits: {
    cpu: hasCgroups ? 'enforced' : 'none',
    memory: hasCgroups ? 'enforced' : 'none',
    // A file cannot grow beyond the limit; their sum is looked at every few seconds.
    disk: 'advisory',
    inodes: 'none',
    processes: hasCgroups ? 'enforced' : 'advisory',
    time: 'enforced',
  },
});
