import { createHmac, timingSafeEqual } from 'node:crypto';

const mac = (secret: string, purpose: string, body: string): Buffer =>
  createHmac('sha256', secret).update(purpose).update('\0').update(body).digest();

/** JSON that only holders of the secret can make: `body.mac`, both base64url. `purpose` keeps one kind from passing as another. */
export const sign = (secret: string, purpose: string, value: unknown): string => {
  const body = Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${body}.${mac(secret, purpose, body).toString('base64url')}`;
};

/** The value, or undefined for anything not made by `sign` with the same secret and purpose. */
export const unsign = (secret: string, purpose: string, text: string): unknown => {
  const [body = '', given = '', ...rest] = text.split('.');
  const expected = mac(secret, purpose, body);
  const seen = Buffer.from(given, 'base64url');
  if (
    rest.length ||
    seen.toString('base64url') !== given ||
    seen.length !== expected.length ||
    !timingSafeEqual(seen, expected)
  )
    return undefined;
  return JSON.parse(Buffer.from(body, 'base64url').toString());
};
