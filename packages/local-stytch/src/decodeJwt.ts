import { isTooDeep } from './jsonDepth';

/** A decoded JWT, unverified. A part that is no JSON object is null. */
export interface DecodedJwt {
  /** The encoded header, payload and signature; null when the text has not three parts in base64url. */
  parts: readonly [header: string, payload: string, signature: string] | null;
  header: Record<string, unknown> | null;
  claims: Record<string, unknown> | null;
}

/** Decodes any text as a JWT in the compact form (RFC 7519 §7.2). It never throws. */
export function decodeJwt(text: string): DecodedJwt {
  const [header, payload, signature, ...more] = text.split('.', 4);
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) {
    return { parts: null, header: null, claims: null };
  }
  const parts = [header, payload, signature] as const;
  if (!parts.every(isBase64url)) return { parts: null, header: null, claims: null };
  return { parts, header: decodeObject(header), claims: decodeObject(payload) };
}

/** RFC 7515 §2: without padding. Node also reads other characters, and ignores unused bits at the end. */
function isBase64url(part: string): boolean {
  return /^[\w-]*$/.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part;
}

function decodeObject(part: string): Record<string, unknown> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && !isTooDeep(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
