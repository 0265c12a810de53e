import { z } from 'zod';

const UNITS: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
export const size = z
  .string()
  .regex(/^\d+(KiB|MiB|GiB)?$/, 'must be bytes, or a number with KiB, MiB or GiB')
  .transform((text) => {
    const [, digits = '0', unit = ''] = /^(\d+)(\w*)$/.exec(text) ?? [];
    return Number(digits) * (UNITS[unit] ?? 1);
  });
export const count = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));
export const port = count(0, 65_535);
export const optional = z.string().optional();
export const claim = z.string().min(1).max(255);
export const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
