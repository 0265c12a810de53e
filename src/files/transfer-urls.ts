import type { Bearer } from '../authentication/revocations.ts';
import { AppError } from '../errors.ts';
import { sign, unsign } from '../lib/signed.ts';

/** What a signed URL allows: one direction and one path, until it expires. */
export type Transfer = {
  direction: 'upload' | 'download';
  /** The tenant of the sandbox. */
  tenant: string;
  /** The bearer of the token with which the URL was requested; the URL is revoked with it. */
  by: Bearer;
  sandboxId: string;
  path: string;
  /** The maximum size of an upload in bytes; null: the limit of the server. */
  maxBytes: number | null;
  expiresAt: number;
};

/** For a URL that was never signed here, has expired, or allows the other direction; the error does not say which. */
export const invalidUrl = (): AppError =>
  new AppError(
    'FORBIDDEN',
    'This URL is not valid or has expired. Request a new one (Sandbox.uploadUrl, Sandbox.downloadUrl).',
  );

export type TransferUrls = { sign(transfer: Transfer): string; verify(token: string): Transfer };

export const createTransferUrls = (secret: string, clock: () => number): TransferUrls => ({
  sign: (transfer) => sign(secret, 'transfer', transfer),
  verify(token) {
    const transfer = unsign(secret, 'transfer', token) as Transfer | undefined;
    if (!transfer || transfer.expiresAt <= clock()) throw invalidUrl();
    return transfer;
  },
});
