import { describe, expect, it } from 'vitest';
import { configHelp, readConfig } from '../src/config/read.ts';

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(readConfig({}, '/srv')).toMatchObject({
      port: 4000,
      stateDir: '/srv/.sandbank',
      mode: 'development',
      maxBodyBytes: 10 * 2 ** 20,
    });
  });

  it('reports every problem at once', () => {
    const wrong = {
      SANDBANK_PORT: 'x',
      SANDBANK_MODE: 'prod',
      SANDBANK_SANDBOX_MEMORY: 'lots',
      SANDBANK_PROT: '1',
      SANDBANK_JWT_SECRET: 'short',
    };
    expect(() => readConfig(wrong, '/')).toThrow(
      /5 problem\(s\)[\s\S]*SANDBANK_MODE[\s\S]*SANDBANK_PORT[\s\S]*SANDBANK_JWT_SECRET[\s\S]*SANDBANK_SANDBOX_MEMORY[\s\S]*SANDBANK_PROT/,
    );
  });

  it('refuses numbers beyond their range, and settings that contradict one another', () => {
    expect(() => readConfig({ SANDBANK_PORT: '70000' }, '/')).toThrow(/must be 0 to 65535/);
    expect(() => readConfig({ SANDBANK_JOURNAL_RETAIN_BYTES: '1' }, '/')).toThrow(
      /SANDBANK_JOURNAL_RETAIN_BYTES: must be at least 1048576 bytes/,
    );
    const settings = { SANDBANK_LEASE_SECONDS: '100', SANDBANK_HOST_LOST_SECONDS: '10' };
    expect(() => readConfig(settings, '/')).toThrow(/SANDBANK_HOST_LOST_SECONDS: is below/);
  });

  it('enables providers in the order that is asked for, each with settings of its own', () => {
    expect(readConfig({}, '/').providers.map(({ name }) => name)).toEqual(['local']);
    const { providers } = readConfig(
      { SANDBANK_PROVIDERS: 'docker, local,docker', SANDBANK_WARM_SANDBOXES: '7' },
      '/',
    );
    expect(providers.map(({ name }) => name)).toEqual(['docker', 'local']);
    expect(providers[1]?.settings).toEqual({ SANDBANK_WARM_SANDBOXES: 7 });
  });

  it('refuses a provider that it does not have with the list, and the wrong settings of one that is enabled', () => {
    expect(() => readConfig({ SANDBANK_PROVIDERS: 'local,dokcer' }, '/')).toThrow(
      /SANDBANK_PROVIDERS: there is no provider "dokcer"; choose of local, docker/,
    );
    expect(() => readConfig({ SANDBANK_PROVIDERS: ' ' }, '/')).toThrow(/name at least one/);
    const wrong = { SANDBANK_WARM_SANDBOXES: 'many' };
    expect(() => readConfig(wrong, '/')).toThrow(/SANDBANK_WARM_SANDBOXES/);
    expect(readConfig({ ...wrong, SANDBANK_PROVIDERS: 'docker' }, '/').providers).toHaveLength(1);
  });

  it('says in the help what there is, settings of all providers included', () => {
    expect(configHelp()).toMatch(/SANDBANK_PORT\s+4000/);
    expect(configHelp()).toMatch(/SANDBANK_WARM_SANDBOXES\s+2/);
    expect(configHelp()).toMatch(/SANDBANK_DOCKER_IMAGE/);
  });
});
