import type { CodegenConfig } from '@graphql-codegen/cli';

/** The types of the printed contract, and typed documents of the named operations, for tests and clients. */
const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  documents: 'schema/operations/*.graphql',
  config: {
    useTypeImports: true,
    enumsAsTypes: true,
    skipTypename: false,
    strictScalars: true,
    scalars: {
      Base64: 'string',
      Byte: 'number',
      Cursor: 'string',
      DateTime: 'string',
      JSON: 'unknown',
    },
  },
  generates: {
    'schema/generated/operations.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
    },
    'schema/generated/types.ts': {
      plugins: ['typescript'],
      config: { useImplementingTypes: true },
    },
  },
};

export default config;
