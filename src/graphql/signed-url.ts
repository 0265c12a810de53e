import { builder } from './builder.ts';

export const SignedUrlRef = builder
  .objectRef<{ url: string; expiresAt: number }>('SignedUrl')
  .implement({
    description: 'A URL that needs no token. Whoever has it may use it.',
    fields: (t) => ({
      url: t.exposeString('url', { description: 'Where.' }),
      expiresAt: t.field({
        description: 'Until when.',
        type: 'DateTime',
        resolve: ({ expiresAt }) => expiresAt,
      }),
    }),
  });
