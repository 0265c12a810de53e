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

  it('says in the help what there is', () => {
    expect(configHelp()).toMatch(/SANDBANK_PORT\s+4000/);
  });
});
