import { z } from 'zod';
import { AppError } from '../errors.ts';
import { networkModes } from '../providers/types/capabilities.ts';

const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine(
      (value) => !value.includes('\0') && value.isWellFormed(),
      'must not contain NUL or half of a surrogate pair',
    );

/** A `z.record` skips this one name in silence. */
const noProto = z.custom<Record<string, string>>(
  (value) => typeof value !== 'object' || value === null || !Object.hasOwn(value, '__proto__'),
  'the name __proto__ cannot be used',
);

const records = (key: z.ZodString, value: z.ZodType<string, string>) =>
  noProto.pipe(z.record(key, value));

const environment = records(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'environment names are letters, digits and _'),
  text(32_768),
).refine(
  (env) => Object.keys(env).length <= 256 && Buffer.byteLength(JSON.stringify(env)) <= 65_536,
  'at most 256 variables and 64 KiB',
);

const labels = records(
  z.string().regex(/^[A-Za-z0-9._/-]{1,63}$/, 'label keys are 1 to 63 of A-Z a-z 0-9 . _ / -'),
  text(255),
).refine((value) => Object.keys(value).length <= 64, 'at most 64 labels');

export const CreateSandbox = z.object({
  provider: text(50).optional(),
  template: text(100).default('default'),
  env: environment.default({}),
  labels: labels.default({}),
  timeoutSeconds: z.number().int().min(1).optional(),
  cpus: z.number().min(0.05).max(256).optional(),
  memoryBytes: z
    .number()
    .int()
    .min(32 * 2 ** 20)
    .max(2 ** 40)
    .optional(),
  diskBytes: z
    .number()
    .int()
    .min(2 ** 20)
    .max(2 ** 42)
    .optional(),
  processes: z.number().int().min(1).max(100_000).optional(),
  network: z
    .object({
      mode: z.enum(networkModes),
      allow: z
        .array(
          z
            .string()
            .regex(
              /^(\*\.)?[A-Za-z0-9.-]{1,253}(:\d{1,5})?$/,
              'entries are host names such as registry.npmjs.org or *.example.com',
            ),
        )
        .max(256),
    })
    .default({ mode: 'none', allow: [] }),
  idempotencyKey: text(255).min(1).optional(),
  /** Without room: wait for it instead of being refused. */
  wait: z.boolean().default(false),
});
export type CreateSandboxInput = z.input<typeof CreateSandbox>;
export const Labels = labels;
export const Environment = environment;

/** `INVALID_ARGUMENT` that names each field and what is wrong with it. */
export const check = <Output>(schema: z.ZodType<Output>, value: unknown): Output => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) =>
    path.length ? `${path.join('.')}: ${message}` : message,
  );
  throw new AppError('INVALID_ARGUMENT', problems.join('; '));
};
