import type { CallToken, ConsoleInfo, LocalCall, RequestDetails, ServiceCall } from '../src/consoleApi';

/** Prints the access token of an answer. It needs no more than Node. */
const readToken = `node -p 'JSON.parse(fs.readFileSync(0)).access_token'`;
/** A masked secret or token. */
const masked = /([^\s"&=]*•+[^\s"&=]*)/;

/**
 * A call of a service as commands for a POSIX shell. The first one gets the token, if there is one.
 *
 * @param admin whether the admin API requires its token.
 */
export function curlOfCall(call: ServiceCall, info: ConsoleInfo, admin: boolean): string {
  const service = info.services.find(({ name }) => name === call.service);
  const token = call.token && tokenCommand(call.token, info, admin);
  return [
    ...(token === undefined ? [] : [token]),
    command([
      ...method(call.method, call.body !== undefined),
      ...target(call.service === 'local-stytch' ? info.base_url : (service?.url ?? ''), call.path),
      ...(token === undefined ? [] : ['-H "Authorization: Bearer $TOKEN"']),
      ...json(call.body),
    ]),
  ].join('\n');
}

/**
 * A call of the admin API as a command.
 *
 * @param admin whether the admin API requires its token.
 */
export function curlOfLocalCall(call: LocalCall, info: ConsoleInfo, admin: boolean): string {
  return command([
    ...method(call.method, call.body !== undefined),
    ...target(info.base_url, call.path),
    ...adminToken(admin),
    ...json(call.body),
  ]);
}

/** A logged request as a command, with `$TOKEN`, `$CLIENT_SECRET` or `$STYTCH_SECRET` in place of what is masked. */
export function curlOfRequest({ request, received }: RequestDetails, info: ConsoleInfo): string {
  const { authorization, 'content-type': type } = received.headers;
  const { body, query } = received;
  const sent = body === null || body === '' ? [] : [`--data-raw ${quoteMasked(body)}`];
  return command([
    ...method(request.method, sent.length > 0),
    ...target(info.base_url, query === null ? request.path : `${request.path}?${query}`),
    ...credentials(authorization, info.project_id),
    ...(type === undefined ? [] : [`-H ${quote(`Content-Type: ${type}`)}`]),
    ...sent,
  ]);
}

/** @param authorization as it is logged: `Basic user:••••` or `Bearer ••••`. */
function credentials(authorization: string | undefined, projectId: string): string[] {
  if (authorization === undefined || authorization === '') return [];
  const [, user] = /^Basic +([^:]*):/i.exec(authorization) ?? [];
  if (user === undefined) return ['-H "Authorization: Bearer $TOKEN"'];
  return [`-u ${quote(user)}":$${user === projectId ? 'STYTCH_SECRET' : 'CLIENT_SECRET'}"`];
}

function tokenCommand(token: CallToken, info: ConsoleInfo, admin: boolean): string {
  if (token.kind === 'text') {
    const isJwt = /^eyJ[\w-]*\.[\w-]+\./.test(token.text);
    return `TOKEN=${quote(isJwt ? 'paste the token here' : token.text)}`;
  }
  if (token.kind === 'minted') {
    const { claims, header, sign_with } = token;
    const mint = command([
      ...target(info.base_url, '/local/tokens'),
      ...adminToken(admin),
      ...json({ claims, header, sign_with }),
    ]);
    return `TOKEN=$(${mint} | ${readToken})`;
  }
  const request = command([
    ...target(info.base_url, `/v1/public/${info.project_id}/oauth2/token`),
    '-d grant_type=client_credentials',
    `-d ${quote(`client_id=${encodeURIComponent(token.client_id)}`)}`,
    '--data-urlencode "client_secret=$CLIENT_SECRET"',
    ...(token.scope === undefined ? [] : [`-d ${quote(`scope=${encodeURIComponent(token.scope)}`)}`]),
  ]);
  return `TOKEN=$(${request} | ${readToken})`;
}

/** A header and a body begin a line of their own. */
function command(words: readonly string[]): string {
  return ['curl -s', ...words.map((word) => (/^-[Hd] /.test(word) ? `\\\n  ${word}` : word))].join(' ');
}

function method(name: string, hasBody: boolean): string[] {
  return name === (hasBody ? 'POST' : 'GET') ? [] : [`-X ${quote(name)}`];
}

function target(base: string, path: string): string[] {
  const url = base.replace(/\/$/, '') + path;
  return [
    ...(/\/\.{1,2}(?=[/?#]|$)/.test(path) ? ['--path-as-is'] : []),
    ...(/[[\]{}]/.test(url) ? ['--globoff'] : []),
    ...(url.startsWith('https:')
      ? ['--cacert "$TLS_CA_FILE" --cert "$TLS_CERT_FILE" --key "$TLS_KEY_FILE"']
      : []),
    quoteMasked(url),
  ];
}

function adminToken(required: boolean): string[] {
  return required ? ['-H "Authorization: Bearer $LOCAL_STYTCH_ADMIN_TOKEN"'] : [];
}

function json(body: unknown): string[] {
  return body === undefined
    ? []
    : [`-H 'Content-Type: application/json'`, `-d ${quote(JSON.stringify(body))}`];
}

/** One word of a POSIX shell. It has no NUL: no shell can pass one on. */
export function quote(text: string): string {
  const plain = /^[\w./:=@%+,-]+$/.test(text);
  return plain ? text : `'${text.replaceAll('\0', '').replaceAll("'", `'\\''`)}'`;
}

function quoteMasked(text: string): string {
  const pieces = text.split(masked).map((piece) => {
    if (masked.test(piece)) return piece.startsWith('eyJ') ? '"$TOKEN"' : '"$CLIENT_SECRET"';
    return piece === '' ? '' : quote(piece);
  });
  return pieces.join('');
}
