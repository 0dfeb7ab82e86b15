/**
 * All that this emulator does and Stytch does not publish, in one place. The names of the errors are Stytch's unless
 * marked "our name". Their statuses and messages, and the limits, are ours. If Stytch answers otherwise, correct it here.
 */

/** The errors of the management endpoints: status and message by error type. */
export const refusals = {
  duplicate_m2m_client_id: [400, 'An M2M client with this client_id already exists in the project.'],
  insecure_m2m_client_secret: [400, 'The client_secret must have at least 8 characters and enough entropy.'],
  client_secret_too_long: [400, 'The client_secret is too long.'],
  m2m_client_already_rotating_secret: [400, 'A secret rotation of this M2M client is already under way.'],
  m2m_client_not_rotating_secret: [400, 'No secret rotation of this M2M client is under way.'],
  invalid_m2m_client_scope: [
    400,
    'Scopes must be a list of strings of printable ASCII without spaces, quotes and backslashes.',
  ],
  invalid_m2m_client_status: [400, 'The status must be active or inactive.'],
  m2m_client_invalid_client_id: [400, 'The client_id must be 1 to 128 printable ASCII characters.'],
  m2m_client_invalid_name: [400, 'The client_name must be a string of at most 256 characters.'],
  m2m_client_invalid_description: [
    400,
    'The client_description must be a string of at most 1024 characters.',
  ],
  m2m_client_invalid_secret: [400, 'The client_secret must be a string of printable ASCII characters.'],
  too_many_m2m_client_scopes: [400, 'An M2M client can hold at most 100 scopes.'],
  m2m_search_missing_filter_name: [400, 'Each operand needs a filter_name.'],
  m2m_search_missing_filter_value: [400, 'Each operand needs a filter_value.'],
  m2m_search_filter_name_must_be_string: [400, 'The filter_name must be a string.'],
  m2m_search_filter_name_not_recognized: [400, 'The filter_name must be client_id, client_name or scopes.'],
  m2m_search_expected_array_of_strings: [400, 'The filter_value must be a list of strings.'],
  metadata_invalid_format: [400, 'The trusted_metadata must be a JSON object.'],
  metadata_too_many_keys: [400, 'The trusted_metadata can have at most 20 top-level keys.'],
  metadata_too_large: [400, 'The trusted_metadata can be at most 4 KB of JSON.'],
  /** Our name. */
  invalid_search_limit: [400, 'The limit must be a whole number from 1 to 1000.'],
  /** Our name. */
  invalid_search_cursor: [400, 'The cursor is not one that a search answered.'],
  /** Our name. */
  invalid_search_query: [400, 'The query needs an operator, AND or OR, and a list of operands.'],
  /** Our name. */
  invalid_request_body: [400, 'The body must be a JSON object.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type Refusal = keyof typeof refusals;

export function isRefusal(text: string): text is Refusal {
  return Object.hasOwn(refusals, text);
}

/** Names and messages of errors outside of any operation. The statuses are HTTP's. All but the first are our names. */
export const transportErrors = {
  methodNotAllowed: ['method_not_allowed', 'This method is not allowed here.'],
  routeNotFound: ['route_not_found', 'There is no such endpoint.'],
  projectNotFound: ['project_not_found', 'The project requested could not be found.'],
  traceNotFound: ['trace_not_found', 'There is no such trace among the last ones.'],
  requestNotFound: ['request_not_found', 'There is no such request among the last 1,000.'],
  tokenNotFound: ['token_not_found', 'There is no such token among the last ones.'],
  faultNotFound: ['fault_not_found', 'There is no such fault.'],
  consoleNotBuilt: ['console_not_built', 'The console is not built: npm run build builds it.'],
  tooManyListeners: ['too_many_listeners', 'Too many pages listen to the events.'],
  malformedRequest: ['malformed_request', 'The request is not well-formed.'],
  malformedJson: ['malformed_json', 'The body is not valid JSON.'],
  nestedTooDeep: ['malformed_json', 'The body is nested more than 100 levels deep.'],
  bodyTooLarge: ['body_too_large', 'The body is larger than 100 kB (traces: 4 MB).'],
  unsupportedMediaType: ['unsupported_media_type', 'This content type is not supported here.'],
  overloaded: ['overloaded', 'Too many requests are in progress.'],
  foreignOrigin: ['forbidden', 'The admin API accepts only pages of its own origin.'],
  foreignPage: ['forbidden', 'The Host and Origin headers must name this machine as localhost.'],
  foreignHost: ['forbidden', 'The Host or Origin header may be that of a web page.'],
  adminTokenRequired: ['unauthorized', 'The admin API requires the Bearer token that local-stytch printed.'],
} as const satisfies Record<string, readonly [type: string, message: string]>;

/**
 * The status of every OAuth error. Stytch answers 400 to `invalid_client` with credentials in the body. With credentials
 * in the Authorization header RFC 6749 §5.2 requires 401; whether Stytch sends it is unknown.
 */
export const oauthErrorStatus = 400;

/** Limits that Stytch does not publish. */
export const limits = {
  clientIdCharacters: 128,
  clientNameCharacters: 256,
  clientDescriptionCharacters: 1024,
  scopes: 100,
  secretCharacters: 256,
  /** Published for Stytch's other metadata. */
  metadataKeys: 20,
  /** Published for Stytch's other metadata. */
  metadataBytes: 4096,
  /** Nested objects and arrays in a JSON body. */
  jsonDepth: 100,
} as const;

/**
 * Whether a user's own secret has "enough entropy": Shannon's, over its characters. 8 random characters have the 20 bits,
 * repetition has not. Sequences such as `12345678` are found by their equal steps.
 */
export function hasEnoughEntropy(secret: string): boolean {
  const codes = Array.from(secret, (character) => character.charCodeAt(0));
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)));
  const counts = new Map<number, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  const bits = [...counts.values()].reduce((sum, count) => sum - count * Math.log2(count / codes.length), 0);
  return steps.size > 1 && bits >= 20;
}

// Further assumptions, with the file that implements them:
// - search.ts: one matching value of an operand is enough, also for scopes.
// - search.ts: clients come in the order of their creation.
// - search.ts: where totals are switched off, `total` is -1 on every page.
// - clients.ts: null counts as not given; repeated scopes count once.
// - tokenRequest.ts: incomplete or missing credentials are `invalid_client`.
// - claimsTemplate.ts: the whole grammar of a claims template; a claim without a value is left out.
// - token.ts: a template can replace `aud`, and no other claim that Stytch sets.
// - token.ts: a project with a custom domain has the base URL as the issuer of all its tokens.
// - jwks.ts: a B2B project has the same keys under both paths.
