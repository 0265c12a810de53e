import type { Bearer } from '../authentication/revocations.ts';
import { AppError } from '../errors.ts';
import { sign, unsign } from '../lib/signed.ts';

/** What a signed URL allows: one direction, one path, until an instant. */
export type Transfer = {
  direction: 'upload' | 'download';
  /** Of the sandbox. */
  tenant: string;
  /** The token it was asked for with. */
  by: Bearer;
  sandboxId: string;
  path: string;
  /** Most bytes of an upload; null: what the server allows. */
  maxBytes: number | null;
  expiresAt: number;
};

export type TransferUrls = { sign(transfer: Transfer): string; verify(token: string): Transfer };

export const createTransferUrls = (secret: string, clock: () => number): TransferUrls => ({
  sign: (transfer) => sign(secret, 'transfer', transfer),
  verify(token) {
    const transfer = unsign(secret, 'transfer', token) as Transfer | undefined;
    if (!transfer || transfer.expiresAt <= clock())
      throw new AppError('FORBIDDEN', 'This URL is not valid, or no longer. Ask for a new one.');
    return transfer;
  },
});
