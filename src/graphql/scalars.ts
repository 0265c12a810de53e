import { GraphQLError } from 'graphql';
import { builder } from './builder.ts';
import { base64Leaf } from './json.ts';

const invalid = (type: string, expected: string): GraphQLError =>
  new GraphQLError(`${type} must be ${expected}.`, { extensions: { code: 'INVALID_ARGUMENT' } });

builder.scalarType('DateTime', {
  description: 'An instant, RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.',
  serialize: (value) => new Date(value).toISOString(),
  parseValue: (value) => {
    const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(at))
      throw invalid('DateTime', 'an RFC 3339 string such as "2026-01-31T12:00:00Z"');
    return at;
  },
});

builder.scalarType('Byte', {
  description:
    'A count of bytes, 0 to 2^53 - 1: a JSON number (a string of digits is accepted too).',
  serialize: (value) => value,
  parseValue: (value) => {
    const count = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
    if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) {
      throw invalid('Byte', 'a whole number of bytes, 0 or more');
    }
    return count;
  },
});

builder.scalarType('Base64', {
  description: 'Bytes in base64 (RFC 4648 §4, with padding).',
  serialize: base64Leaf,
  parseValue: (value) => {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
    if (!bytes || bytes.toString('base64') !== value) {
      throw invalid('Base64', 'a padded base64 string without line breaks');
    }
    return bytes;
  },
});

builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
});

builder.scalarType('Cursor', {
  description:
    'An opaque, signed place in one stream of one tenant. Send back the one you last handled; delivery goes on right after it.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value !== 'string' || value.length > 200)
      throw invalid('Cursor', 'the `cursor` of an event');
    return value;
  },
});
