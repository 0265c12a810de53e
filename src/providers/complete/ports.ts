import type { Duplex } from 'node:stream';
import { AppError } from '../../errors.ts';
import type { Capabilities } from '../types/capabilities.ts';
import type { SandboxHandle, VendorHandle } from '../types/handle.ts';
import type { Call } from './call.ts';
import { checkPorts, checkUrl } from './check.ts';
import type { Shell } from './shell.ts';
import type { Unsupported } from './unsupported.ts';

/** `sl local_address rem_address st …`; 0A is LISTEN, the port comes last in the address, in hexadecimal. */
const LISTENING = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /gm;

export const completePorts = ({
  vendor,
  capabilities,
  call,
  shell,
  unsupported,
}: {
  vendor: NonNullable<VendorHandle['ports']>;
  capabilities: Capabilities;
  call: Call;
  shell: Shell;
  unsupported: Unsupported;
}): Pick<SandboxHandle, 'dial' | 'ports' | 'portUrl' | 'requirePorts'> => ({
  requirePorts() {
    if (!vendor.dial || capabilities.ports !== 'tunnel') throw unsupported('ports');
  },
  async dial(port) {
    const { dial } = vendor;
    if (!dial || capabilities.ports !== 'tunnel') throw unsupported('ports');
    return call.once('ports', (signal) => dial(port, signal), {
      onLate: (late: Duplex) => late.destroy(),
    });
  },
  async portUrl(port) {
    const { url } = vendor;
    if (capabilities.ports === 'tunnel') return null;
    if (!url || capabilities.ports !== 'url') throw unsupported('ports');
    const checked = checkUrl(await call.idempotent('ports', (signal) => url(port, signal)));
    if (checked) return checked;
    throw new AppError('UNAVAILABLE', `The provider gave no usable address of port ${port}.`);
  },
  async ports() {
    const { list } = vendor;
    if (capabilities.ports === 'none') throw unsupported('ports');
    if (list) return checkPorts(await call.idempotent('ports', list));
    const script = 'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; exit 0';
    const table = await shell.run('ports.list', 'Listening ports', ['cat'], script, []);
    return checkPorts(
      [...String(table).matchAll(LISTENING)].map(([, port = '']) => Number.parseInt(port, 16)),
    );
  },
});
