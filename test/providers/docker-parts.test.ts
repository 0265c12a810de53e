import { describe, expect, it } from 'vitest';
import { toSettings } from '../../src/providers/docker/config.ts';
import { toExit } from '../../src/providers/docker/exit.ts';
import { createFrames, type Piece } from '../../src/providers/docker/frames.ts';
import { parseListening } from '../../src/providers/docker/ports.ts';
import { readDockerVariables } from './open-docker.ts';

const settingsOf = (env: Record<string, string>) => {
  const { values, problems } = readDockerVariables(env);
  expect(problems).toEqual([]);
  return toSettings(values);
};

const frame = (stream: number, text: string): Buffer => {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};
const joined = (pieces: Piece[], stream: string): string =>
  pieces
    .filter((piece) => piece.stream === stream)
    .map(({ bytes }) => String(bytes))
    .join('');

describe('frames of the container engine', () => {
  const wire = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, 'more')]);

  it.each([1, 2, 7, 8, 9, 1_000])('come apart the same in chunks of %i bytes', (size) => {
    const decode = createFrames(false);
    const pieces: Piece[] = [];
    for (let at = 0; at < wire.length; at += size)
      pieces.push(...decode(wire.subarray(at, at + size)));
    expect([joined(pieces, 'stdout'), joined(pieces, 'stderr')]).toEqual(['outmore', 'err']);
  });

  it('are given on before they are complete, however long they say they are', () => {
    const decode = createFrames(false);
    const endless = Buffer.from([1, 0, 0, 0, 255, 255, 255, 255, 65, 66]);
    expect(joined(decode(endless), 'stdout')).toBe('AB');
    expect(joined(decode(Buffer.from('C')), 'stdout')).toBe('C');
  });

  it('of another stream than output are refused', () => {
    expect(() => createFrames(false)(Buffer.from('HTTP/1.1 200 OK'))).toThrow(/unknown stream/);
  });
});

describe('exits of a container engine', () => {
  const facts = { isTimedOut: false, sent: new Set<string>(), isOutOfMemory: false };
  it.each([
    [0, facts, { kind: 'EXITED', exitCode: 0, signal: null, reason: null }],
    [143, facts, { kind: 'EXITED', exitCode: 143, signal: null }],
    [143, { ...facts, sent: new Set(['SIGTERM']) }, { kind: 'SIGNALED', signal: 'SIGTERM' }],
    [139, facts, { kind: 'SIGNALED', signal: 'SIGSEGV', exitCode: null }],
    [137, { ...facts, isOutOfMemory: true }, { kind: 'SIGNALED', reason: 'OUT_OF_MEMORY' }],
    [137, { ...facts, isTimedOut: true }, { kind: 'SIGNALED', reason: 'TIMED_OUT' }],
    [0, { ...facts, isTimedOut: true }, { kind: 'EXITED', exitCode: 0, reason: null }],
    [null, facts, { kind: 'LOST', exitCode: null }],
  ])('of code %s name a signal only where there was one', (code, given, expected) => {
    expect(toExit(code, given)).toMatchObject(expected);
  });
});

it('reads the listening ports of both versions of the internet protocol', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr',
    '   0: 0100007F:1FBB 00000000:0000 0A 00000000:00000000 00:00000000',
    '   1: 0100007F:1FBC 0100007F:0050 01 00000000:00000000 00:00000000',
    '   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0',
    'nonsense',
  ].join('\n');
  expect(parseListening(table)).toEqual([80, 8_123]);
});

describe('settings of the docker provider', () => {
  it('have defaults', () => {
    expect(settingsOf({})).toMatchObject({
      templates: { default: 'debian:bookworm-slim' },
      user: { uid: 1_000, gid: 1_000 },
      network: 'bridge',
      ulimits: [],
    });
  });

  it('map templates to images', () => {
    const { templates } = settingsOf({
      SANDBANK_DOCKER_TEMPLATES: 'node=node:24, python=docker.io/library/python:3.13-slim',
    });
    expect(templates).toMatchObject({
      node: 'node:24',
      python: 'docker.io/library/python:3.13-slim',
    });
  });

  it('that are wrong are all named, with what is allowed', () => {
    const wrong = {
      SANDBANK_DOCKER_HOST: 'tcp://10.0.0.1:2375',
      SANDBANK_DOCKER_IMAGE: '../../containers/json?x=',
      SANDBANK_DOCKER_TEMPLATES: 'node',
      SANDBANK_DOCKER_USER: '0:0',
      SANDBANK_DOCKER_ULIMITS: 'nofile=9:1',
    };
    const message = readDockerVariables(wrong).problems.join('\n');
    for (const name of Object.keys(wrong)) expect(message).toContain(name);
    expect(message).toContain('unix:///path');
    expect(message).toContain('neither of them 0');
  });
});
