import { builder } from '../graphql/builder.ts';
import { described } from '../graphql/enums.ts';
import { SandboxRef } from '../sandboxes/schema.ts';
import type { Sandbox } from '../store/types/sandbox.ts';
import type { Diagnosis, DiagnosisStatus } from './diagnose.ts';

const StatusEnum = builder.enumType('DiagnosisStatus', {
  description: 'How a check went.',
  values: described<DiagnosisStatus>({
    OK: 'As it should be.',
    WARNING: 'It works, for now.',
    FAILED: 'It does not work.',
  }),
});

const DiagnosisRef = builder.objectRef<Diagnosis>('Diagnosis').implement({
  description: 'One check of a sandbox.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What was checked.' }),
    status: t.field({
      description: 'How it went.',
      type: StatusEnum,
      resolve: ({ status }) => status,
    }),
    detail: t.exposeString('detail', { description: 'What was found.' }),
    remedy: t.exposeString('remedy', { description: 'What to do.', nullable: true }),
  }),
});

const DiagnosePayload = builder
  .objectRef<{ row: Sandbox; checks: Diagnosis[] }>('DiagnosePayload')
  .implement({
    description: 'What was found.',
    fields: (t) => ({
      sandbox: t.field({
        description: 'The sandbox.',
        type: SandboxRef,
        resolve: ({ row }) => row,
      }),
      checks: t.field({
        description: 'From the outside in.',
        type: [DiagnosisRef],
        resolve: ({ checks }) => checks,
      }),
    }),
  });

const DiagnoseInput = builder.inputType('DiagnoseSandboxInput', {
  description: 'Which.',
  fields: (t) => ({ sandboxId: t.id({ required: true, description: '`sbx_…`' }) }),
});

builder.mutationField('diagnoseSandbox', (t) =>
  t.withAuth({ authenticated: true }).field({
    description: 'Says why something in a sandbox may not work.',
    type: DiagnosePayload,
    errors: {},
    args: { input: t.arg({ type: DiagnoseInput, required: true, description: 'Which.' }) },
    resolve: (_, { input }, { diagnosis, principal }) =>
      diagnosis.diagnose(principal, input.sandboxId),
  }),
);
