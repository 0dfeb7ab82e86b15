/** RFC 9110 §5.6.2. */
const token = "[\\w!#$%&'*+.^`|~-]+";
const parameter = new RegExp(
  `(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))[ \\t]*(?=,|$)`,
  'y',
);
const scheme = new RegExp(`(${token})(?: +|(?=[ \\t]*(?:,|$)))`, 'y');
const token68 = /[\w.~+/-]+=*[ \t]*(?=,|$)/y;
const separators = /[ \t,]*/y;

/**
 * Whether a `WWW-Authenticate` header says that the access token is not valid (RFC 6750 §3.1), so that a new token
 * may work. The header may contain several challenges (RFC 9110 §11.6.1).
 *
 * @returns false also for a malformed header.
 *
 * @example
 * import { isInvalidTokenChallenge } from 'stytch-m2m';
 *
 * console.log(isInvalidTokenChallenge('Bearer realm="wallet-server", error="invalid_token"')); // true
 */
export function isInvalidTokenChallenge(header = ''): boolean {
  let bearer = false;
  let at = 0;
  const next = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(header) ?? undefined;
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (next(separators); at < header.length; next(separators)) {
    const found = next(parameter);
    if (found) {
      const [, name = '', quoted, plain] = found;
      const value = plain ?? quoted?.replaceAll(/\\(.)/g, '$1');
      if (bearer && name.toLowerCase() === 'error' && value === 'invalid_token') return true;
      continue;
    }
    const challenge = next(scheme);
    if (!challenge) return false;
    bearer = challenge[1]?.toLowerCase() === 'bearer';
    if (!isParameterNext()) next(token68);
  }
  return false;

  function isParameterNext(): boolean {
    parameter.lastIndex = at;
    return parameter.test(header);
  }
}
