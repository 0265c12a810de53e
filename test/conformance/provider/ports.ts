import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.ts';
import { type Benched, completed, itEither, refusal, spec } from './subject.ts';

const SERVER =
  'import socket; s=socket.create_server(("127.0.0.1",8123)); print("up"); c,_=s.accept(); c.sendall(b"hi:"+c.recv(9)); c.close()';

export const testPorts = (benched: Benched): void => {
  describe('ports', () => {
    itEither(
      'reaches a server inside and says when nothing listens, or refuses',
      benched,
      ({ capabilities }) => capabilities.ports === 'tunnel',
      async () => {
        const { handle } = benched();
        await expect(handle.dial(9_999)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
        const server = await handle.spawn({
          id: newId('prc'),
          argv: ['python3', '-u', '-c', SERVER],
          env: {},
        });
        for await (const chunk of server.output) {
          if (chunk.kind !== 'output' || !String(Buffer.from(chunk.bytes)).includes('up')) continue;
          expect(await handle.ports()).toContain(8_123);
          expect(await handle.portUrl(8_123)).toBeNull();
          const connection = await handle.dial(8_123);
          connection.write('there');
          let text = '';
          for await (const part of connection) text += String(part);
          expect(text).toBe('hi:there');
        }
      },
      async () => {
        const { provider, handle } = benched();
        expect(() => handle.requirePorts()).toThrow('"ports"');
        await expect(handle.dial(80)).rejects.toMatchObject(refusal('ports', provider.name));
        if (provider.capabilities.ports === 'none')
          await expect(handle.portUrl(80)).rejects.toMatchObject(refusal('ports', provider.name));
        if (provider.capabilities.ports === 'none')
          await expect(handle.ports()).rejects.toMatchObject(refusal('ports', provider.name));
      },
    );

    it('gives the address at which the vendor serves a port, and none that is no address', async () => {
      const { provider, deployment } = benched();
      let answer: unknown = 'https://8080-box.vendor.example/';
      const complete = completed(
        {
          ...provider,
          capabilities: { ...provider.capabilities, ports: 'url' },
          create: async (...asked) => ({
            ...(await provider.create(...asked)),
            ports: { url: async () => answer as string },
          }),
        },
        deployment,
      );
      const handle = await complete.create(spec());
      expect(await handle.portUrl(8_080)).toBe(answer);
      expect(() => handle.requirePorts()).toThrow('"ports"');
      for (answer of ['javascript:alert(1)', 'https://key:secret@vendor.example/', 7, null])
        await expect(handle.portUrl(8_080)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await handle.destroy();
    });
  });
};
