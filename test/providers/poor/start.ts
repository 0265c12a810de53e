import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Vendor } from '../../conformance/provider/subject.ts';
import { openPoor } from './poor.ts';

export const startPoor = async (): Promise<Vendor> => {
  const root = await mkdtemp(join(tmpdir(), 'sandbank-poor-'));
  return {
    open: async (deployment) => openPoor(root, deployment),
    close: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
};
