import { count, type Values, type Variables } from '../../lib/settings.ts';

/** Settings of this provider; the help and the check for unknown variables include them. */
export const localVariables = {
  SANDBANK_WARM_SANDBOXES: [count(0, 500), '2', 'local sandboxes kept started, for quick creates'],
} satisfies Variables;

export type LocalSettings = Values<typeof localVariables>;
