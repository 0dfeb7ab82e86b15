/** What stands in place of a secret. */
export const hidden = '••••';

/** Names of fields, parameters and headers with a secret. */
const secretName = /secret|token|password|api.?key|assertion|cookie/i;
const harmlessName = /token_type$|last_four$/i;

/** Words and dots without a gap. It begins where a word begins, so that a long text takes linear time. */
const dotted = /(?<![\w-])[\w-]+(?:\.[\w-]*)+/g;
/** A secret of a Stytch project. */
const projectSecret = /secret-(test|live)-[\w-]{8,}/g;
/** Of those below, but for a JWT that begins with `eyJ`. */
const shortestSecret = 20;
/** Perhaps a secret of an M2M client: 44 base64url characters. Ids have another length. */
const clientSecret = /(?<![\w-])[\w-]{44}(?![\w-])/g;
/** A field with a secret in text that is not JSON, or only the beginning of it. */
const looseField = /((?:secret|token|password)[\w.-]{0,40}["']?\s{0,4}[=:]\s{0,4}["']?)([^\s"'&<,}]+)/gi;

/** Masks JWTs and Stytch's secrets in a text. */
export function maskText(text: string): string {
  // Most values are short.
  if (text.length < shortestSecret && !text.includes('eyJ')) return text;
  return text
    .replace(dotted, maskJwt)
    .replace(projectSecret, `secret-$1-${hidden}`)
    .replace(clientSecret, (word) => (/[A-Z]/.test(word) && /[a-z]/.test(word) ? lastFour(word) : word));
}

/** As `maskText`, and also fields such as `client_secret=…`. For text of an unknown form. */
export function maskLooseText(text: string): string {
  return maskText(text.replace(looseField, `$1${hidden}`));
}

/** Shows the last four characters of a secret, as Stytch does. */
export function lastFour(secret: string): string {
  return `${hidden}${secret.slice(-4)}`;
}

/** A JWT has a header that begins with `{"`, which is `eyJ` in base64url, or at least three long parts. */
function maskJwt(text: string): string {
  const start = text.indexOf('eyJ');
  const [header = '', payload = '', signature] = text.split('.', 3);
  const isJwt = header.length >= 10 && payload.length >= 20 && signature !== undefined;
  if (start < 0 && !isJwt) return text;
  const from = isJwt && start > header.length ? 0 : Math.max(start, 0);
  return `${text.slice(0, from + 3)}…${hidden}`;
}

/** Masks the values of headers. The scheme and the client id of `Authorization` stay visible. */
export function maskHeaders(headers: NodeJS.Dict<string | string[] | number>): Record<string, string> {
  const masked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined)
      masked[name] = maskHeader(name, Array.isArray(value) ? value.join(', ') : String(value));
  }
  return masked;
}

function maskHeader(name: string, value: string): string {
  if (/^(proxy-)?authorization$/i.test(name)) return maskAuthorization(value);
  return isSecretName(name) ? hidden : maskText(value);
}

function maskAuthorization(value: string): string {
  const [, scheme, credentials = ''] = /^(\S+) +(.*)$/s.exec(value) ?? [];
  if (scheme === undefined) return hidden;
  if (scheme.toLowerCase() !== 'basic') return `${maskText(scheme)} ${hidden}`;
  const decoded = Buffer.from(credentials, 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? `${scheme} ${hidden}` : `${scheme} ${maskText(decoded.slice(0, colon))}:${hidden}`;
}

/** Masks a query or a form: `name=value&…`. The other values stay as they are encoded. */
export function maskForm(form: string): string {
  return form
    .split('&')
    .map((parameter) => {
      const equals = parameter.indexOf('=');
      if (equals < 0) return maskText(parameter);
      const value = parameter.slice(equals + 1);
      return `${parameter.slice(0, equals)}=${maskParameter(decode(parameter.slice(0, equals)), value)}`;
    })
    .join('&');
}

function maskParameter(name: string, encoded: string): string {
  if (isSecretName(name)) return hidden;
  const value = decode(encoded);
  const masked = maskText(value);
  return masked === value ? encoded : masked;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return encoded;
  }
}

/**
 * Writes a value as JSON of at most so many characters, and masks it. The rest of a longer one is not looked at.
 */
export function maskJson(value: unknown, maxCharacters: number): string {
  let left = maxCharacters;
  const text = JSON.stringify(value, (key: string, item: unknown) => {
    if (left < 0) return undefined;
    const masked = maskItem(key, item);
    left -= key.length + 4 + (typeof masked === 'string' ? masked.length : 0);
    return masked;
  }) as string | undefined;
  return cut(text ?? '', maxCharacters);
}

function maskItem(key: string, item: unknown): unknown {
  if (item === null || typeof item === 'boolean') return item;
  if (isSecretName(key) && (typeof item !== 'number' || !/token/i.test(key))) return hidden;
  return typeof item === 'string' ? maskText(item) : item;
}

export function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}

export function cut(text: string, maxCharacters: number): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}
