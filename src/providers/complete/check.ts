import { AppError } from '../../errors.ts';
import { type FileChange, type FileStat, fileTypes } from '../types/files.ts';
import {
  exitReasons,
  LOST,
  type OutputChunk,
  type OutputLost,
  outputStreams,
  type ProcessExit,
} from '../types/process.ts';
import type { Health } from '../types/provider.ts';
import type { Listed, ResourceUsage, SandboxEnd } from '../types/sandbox.ts';

/** What a vendor says is data from outside: each of these takes anything and gives something that fits its type. */
type Loose = Record<string, unknown>;
const loose = (raw: unknown): Loose =>
  (typeof raw === 'object' && raw !== null ? raw : {}) as Loose;
const oneOf = <Value extends string>(values: readonly Value[], raw: unknown): Value | null =>
  values.find((value) => value === raw) ?? null;
const text = (raw: unknown, length: number): string | null =>
  typeof raw === 'string' && raw !== '' ? raw.toWellFormed().slice(0, length) : null;
const amount = (raw: unknown): number | null =>
  typeof raw === 'number' && Number.isFinite(raw) && raw >= 0 ? raw : null;
const whole = (raw: unknown): number | null => {
  const value = amount(raw);
  return value === null ? null : Math.round(value);
};

const MESSAGE = 500;
const MAX_INSTANT = 8.64e15;
const instant = (raw: unknown): number | null => {
  const value = whole(raw);
  return value !== null && value <= MAX_INSTANT ? value : null;
};

export const checkExit = (raw: unknown): ProcessExit => {
  const { kind, reason, exitCode, signal, cpuSeconds, maxMemoryBytes } = loose(raw);
  const facts = {
    reason: oneOf(exitReasons, reason),
    cpuSeconds: amount(cpuSeconds),
    maxMemoryBytes: whole(maxMemoryBytes),
  };
  const code = whole(exitCode);
  if (kind === 'EXITED' && code !== null)
    return { kind, ...facts, exitCode: code & 255, signal: null };
  const name = text(signal, 20);
  if (kind === 'SIGNALED' && name !== null) return { kind, ...facts, exitCode: null, signal: name };
  return { ...LOST, reason: facts.reason };
};

/** null: it says nothing that can be used, or nothing new. */
export const checkChunk = (raw: unknown, after: number): OutputChunk | OutputLost | null => {
  const { kind, stream, bytes, position, reason } = loose(raw);
  if (typeof position !== 'number' || !Number.isSafeInteger(position) || position <= after)
    return null;
  if (kind === 'lost')
    return { kind, reason: text(reason, MESSAGE) ?? 'The provider lost output.', position };
  const known = oneOf(outputStreams, stream);
  if (kind !== 'output' || known === null || !(bytes instanceof Uint8Array)) return null;
  return { kind, stream: known, bytes, position };
};

export const checkEnd = (raw: unknown): SandboxEnd => {
  const { reason, message } = loose(raw);
  return {
    reason: oneOf(['destroyed', 'died'], reason) ?? 'died',
    message: text(message, MESSAGE) ?? 'The provider ended the sandbox and did not say why.',
  };
};

export const checkUsage = (raw: unknown, limits: ResourceUsage['limits']): ResourceUsage => {
  const usage = loose(raw);
  const enforcement = loose(usage.enforcement);
  const who = (name: string): string => text(enforcement[name], MESSAGE) ?? 'unknown';
  return {
    cpuSeconds: amount(usage.cpuSeconds),
    memoryBytes: whole(usage.memoryBytes),
    peakMemoryBytes: whole(usage.peakMemoryBytes),
    diskBytes: whole(usage.diskBytes),
    processes: whole(usage.processes),
    egressBytes: whole(usage.egressBytes),
    limits,
    enforcement: {
      cpus: who('cpus'),
      memory: who('memory'),
      disk: who('disk'),
      processes: who('processes'),
    },
  };
};

export const checkHealth = (raw: unknown): Health => {
  const { status, reason } = loose(raw);
  const known = oneOf(['healthy', 'degraded', 'unavailable'], status);
  return known === null
    ? { status: 'unavailable', reason: 'The provider gave an unknown health.' }
    : { status: known, reason: text(reason, 2_000) };
};

/** What does not bear the label of `deployment` is not ours, whatever the vendor answered. */
export const checkListed = (raw: unknown, deployment: string): Listed[] => {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((one): Listed[] => {
    const { ref, id, deployment: owner, createdAt, expiresAt, state } = loose(one);
    if (typeof ref !== 'string' || typeof id !== 'string' || ref === '' || id === '') return [];
    if (owner !== deployment) return [];
    return [
      {
        ref,
        id,
        deployment,
        createdAt: instant(createdAt),
        expiresAt: instant(expiresAt),
        state: oneOf(['running', 'paused', 'ended', 'unknown'], state) ?? 'unknown',
      },
    ];
  });
};

export const checkPorts = (raw: unknown): number[] =>
  Array.isArray(raw)
    ? [
        ...new Set(
          raw.filter(
            (port): port is number => Number.isInteger(port) && port >= 1 && port <= 65_535,
          ),
        ),
      ].sort((a, b) => a - b)
    : [];

export const checkStat = (raw: unknown): FileStat | null => {
  const { path, type, size, mode, modifiedAt, symlinkTarget } = loose(raw);
  const known = oneOf(fileTypes, type);
  if (typeof path !== 'string' || !path.startsWith('/') || known === null) return null;
  return {
    path,
    type: known,
    size: whole(size) ?? 0,
    mode: (whole(mode) ?? 0) & 0o7777,
    modifiedAt: instant(modifiedAt) ?? 0,
    symlinkTarget: typeof symlinkTarget === 'string' ? symlinkTarget : null,
  };
};

export const checkList = (
  raw: unknown,
  limit: number,
): { entries: FileStat[]; truncated: boolean } => {
  const { entries, truncated } = loose(raw);
  const found = Array.isArray(entries) ? entries.flatMap((entry) => checkStat(entry) ?? []) : [];
  return { entries: found.slice(0, limit), truncated: truncated === true || found.length > limit };
};

/** null: it says nothing that can be used. */
export const checkChange = (raw: unknown): FileChange | null => {
  const { kind, path } = loose(raw);
  const known = oneOf(['created', 'modified', 'deleted', 'overflow'], kind);
  return known !== null && typeof path === 'string' ? { kind: known, path } : null;
};

export const checkSha256 = (raw: unknown): string | null =>
  typeof raw === 'string' && /^[0-9a-f]{64}$/.test(raw) ? raw : null;

/** What is stored to find a thing again: text that every database takes. */
export const checkRef = (raw: unknown): string | null =>
  typeof raw === 'string' && raw !== '' && raw.length <= 500 && /^[\x20-\x7e]+$/.test(raw)
    ? raw
    : null;

/** What was checked, where the call cannot do without it. */
export const required = <Value>(checked: Value | null, path: string): Value => {
  if (checked !== null) return checked;
  throw new AppError('UNAVAILABLE', `The provider gave no usable answer about ${path}.`);
};

/** An address that a browser opens, without a name and password in it; null for anything else. */
export const checkUrl = (raw: unknown): string | null => {
  const url = typeof raw === 'string' && raw.length <= 2_000 ? URL.parse(raw) : null;
  const isWeb = url !== null && ['http:', 'https:'].includes(url.protocol);
  return isWeb && url.username === '' && url.password === '' ? url.href : null;
};
