import { z } from 'zod';
import { list, type Variables } from '../lib/settings.ts';
import { providerNames } from '../providers/registry.ts';

export const providerVariables = {
  SANDBANK_PROVIDERS: [
    z
      .string()
      .transform(list)
      .pipe(
        z
          .array(
            z.enum(providerNames, {
              error: ({ input }) =>
                `there is no provider "${String(input)}"; choose of ${providerNames.join(', ')}`,
            }),
          )
          .min(1, 'name at least one provider'),
      )
      .transform((names) => [...new Set(names)]),
    'local',
    `who runs sandboxes, in order of preference, separated by commas: ${providerNames.join(', ')}`,
  ],
} satisfies Variables;
