/** Asymmetric signatures of RFC 7518 that Sandbank verifies. */
export const asymmetric = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const;
export const symmetric = ['HS256', 'HS384', 'HS512'] as const;
export const algorithms = [...symmetric, ...asymmetric] as const;
export type Algorithm = (typeof algorithms)[number];
