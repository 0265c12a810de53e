import { z } from 'zod';
import { count, type Variables } from '../lib/settings.ts';

/** Which server looks after which sandboxes. */
export const ownershipVariables = {
  SANDBANK_HOST_ID: [
    z
      .string()
      .regex(/^[\w.:-]{1,100}$/, 'must be 1 to 100 letters, digits and any of _ . : -')
      .optional(),
    undefined,
    'name of this machine, the same after each start (default: from /etc/machine-id); set it in containers',
  ],
  SANDBANK_LEASE_SECONDS: [
    count(2, 3_600),
    '30',
    'how long a server that is not heard of keeps its sandboxes',
  ],
  SANDBANK_HOST_LOST_SECONDS: [
    count(2, 31_536_000),
    '3600',
    'after this without their server, local sandboxes and containers that nobody took over are lost',
  ],
} satisfies Variables;
