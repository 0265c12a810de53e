import { AppError } from '../../errors.ts';

export type Unsupported = (capability: string, remedy?: string) => AppError;

/** The one place that says what a provider cannot do. `capability` is its name in `Capabilities`, with the part of it behind a dot. */
export const createUnsupported =
  (provider: string): Unsupported =>
  (capability, remedy = 'Create the sandbox at a provider that has it') =>
    new AppError(
      'UNSUPPORTED',
      `The provider "${provider}" does not support "${capability}". ${remedy}; the query "providers" shows what each can do.`,
      { details: { capability, provider } },
    );
