import type { JsonObject } from '../jsonObject';

/** What the form of a new token is filled with. */
export interface MintPreset {
  title: string;
  /** What a resource server says to the token. */
  sentence: string;
  claims: JsonObject;
  header: JsonObject;
  signWith: 'current' | 'unknown';
}

/** @param now by the emulator's clock. Seconds since 1970. */
export function mintPresets(now: number): MintPreset[] {
  const ordinary = { claims: {}, header: {}, signWith: 'current' as const };
  const past = { iat: now - 7200, nbf: now - 7200, exp: now - 3600 };
  return [
    { ...ordinary, title: 'Valid', sentence: 'It is like a token that the token endpoint issues.' },
    {
      ...ordinary,
      title: 'Expired',
      sentence: 'It expired an hour ago. A resource server answers 401.',
      claims: past,
    },
    {
      ...ordinary,
      title: 'Wrong audience',
      sentence: 'It is for another project. A resource server answers 401.',
      claims: { aud: ['project-test-another'] },
    },
    {
      ...ordinary,
      title: 'Other issuer',
      sentence: 'Another issuer names itself in it. A resource server answers 401.',
      claims: { iss: 'https://issuer.example' },
    },
    {
      ...ordinary,
      title: 'alg: none',
      sentence: 'It has no signature, so anyone can make it. A resource server answers 401.',
      header: { alg: 'none' },
    },
    {
      ...ordinary,
      title: 'Unknown key',
      sentence: 'The key that signed it is in no JWKS. A resource server answers 401.',
      signWith: 'unknown',
    },
    {
      ...ordinary,
      title: 'Missing scope',
      sentence: 'It is valid and has no scope. A resource server that requires one answers 403.',
      claims: { scope: '' },
    },
  ];
}
