import { Readiness } from '../../packages/service-kit/src';
import {
  AccessTokenUnavailableError,
  SecretStoreError,
  StytchUnavailableError,
} from '../../packages/stytch-m2m/src';
import type { ServerOperation } from './apiDocument';
import { type Conditions, stytchError } from './fakeApps';

/** One way to get one of an operation's answers. Options that are left out make the request succeed. */
export interface Scenario {
  status: number;
  when: string;
  conditions?: Conditions;
  method?: string;
  path?: string;
  /** Undefined: no header. */
  authorization?: string | undefined;
  contentType?: string;
  contentEncoding?: string;
  body?: string;
  /** The number of requests; the last answer counts. Default 1. */
  times?: number;
}

const stopping = new Readiness();
stopping.stop();
const jsonAnswer =
  (status: number, body: string): NonNullable<Conditions['wallet']> =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
  };

/** A scenario for each answer that the document lists for an operation, and some for its `default`. */
export function scenariosOf(one: ServerOperation): Scenario[] {
  const { path, operation, server, scope } = one;
  const admin = scope !== undefined && server === 'payment-server';
  const ends = /^\/(complete|cancel)-/.test(path);
  const scenarios: Scenario[] = [
    { status: 200, when: 'everything works' },
    { status: 405, when: 'the method is wrong', method: 'patch' },
    { status: 500, when: 'an unexpected error is thrown', conditions: { broken: true } },
    ...(operation.requestBody ? bodyScenarios : []),
    ...(scope === undefined ? [] : tokenScenarios),
    ...(admin ? [tooMany] : []),
    ...(admin && path !== '/rotation-status' ? stytchScenarios : []),
    ...(path === '/api/check-balance' ? walletScenarios : []),
    ...(path === '/initiate-payment' ? paymentScenarios : []),
    ...(path === '/initiate-payment' && operation.requestBody ? postedPaymentScenarios : []),
    ...(path === '/readyz' ? readinessScenarios : []),
    ...(path === '/search-m2m-client'
      ? [{ status: 400, when: 'the limit is not a number', path: '?limit=all' }]
      : []),
    ...(path.endsWith('{clientId}') ? clientScenarios(path) : []),
    ...(ends ? [conflict(path)] : []),
    ...(/^\/(start|complete|cancel|rotate)-/.test(path) ? [...rotationScenarios, ...storeScenarios] : []),
    ...(path === '/rotation-status' ? statusScenarios : []),
  ];
  return ends
    ? scenarios.map((scenario) => ({ ...scenario, conditions: { rotating: true, ...scenario.conditions } }))
    : scenarios;
}

const bodyScenarios: Scenario[] = [
  { status: 400, when: 'the body is malformed', body: '{"' },
  { status: 400, when: 'the body cannot be decompressed', contentEncoding: 'gzip', body: '{}' },
  { status: 413, when: 'the body is too large', body: JSON.stringify({ text: 'x'.repeat(103_000) }) },
  { status: 415, when: 'the body is text', contentType: 'text/plain', body: '{}' },
  {
    status: 415,
    when: 'the charset is not supported',
    contentType: 'application/json; charset=latin1',
    body: '{}',
  },
  { status: 415, when: 'the Content-Encoding is not supported', contentEncoding: 'zip', body: '{}' },
];
const tokenScenarios: Scenario[] = [
  { status: 400, when: 'the Authorization header has no token', authorization: 'Bearer' },
  { status: 401, when: 'there is no token', authorization: undefined },
  { status: 401, when: 'the token is invalid', authorization: 'Bearer bad' },
  { status: 403, when: 'the token lacks the scope', authorization: 'Bearer other:scope' },
  { status: 503, when: 'the signing keys are unavailable', authorization: 'Bearer unverifiable' },
];
const tooMany: Scenario = {
  status: 429,
  when: 'there were too many requests',
  conditions: { requestsPerMinute: 1 },
  times: 2,
};
const stytchScenarios: Scenario[] = [
  {
    status: 502,
    when: 'Stytch rejects the credentials of this service',
    conditions: { stytch: stytchError(401, 'unauthorized') },
  },
  {
    status: 503,
    when: 'Stytch is unavailable',
    conditions: { stytch: new StytchUnavailableError('unavailable', false) },
  },
  { status: 504, when: 'Stytch times out', conditions: { stytch: new StytchUnavailableError('slow', true) } },
  ...[400, 403, 422, 429, 500, 503].map((status) => ({
    status,
    when: `Stytch answers ${status}`,
    conditions: { stytch: stytchError(status, `stytch_said_${status}`) },
  })),
];
const walletScenarios: Scenario[] = [
  { status: 400, when: 'the customer does not exist', body: '{"customerId":"nobody"}' },
  {
    status: 403,
    when: 'the client certificate has the wrong name',
    conditions: { clientNames: ['payment-server'] },
  },
];
const paymentScenarios: Scenario[] = [
  ...[400, 404].map((status) => ({
    status,
    when: `the wallet-server answers ${status}`,
    conditions: { wallet: jsonAnswer(status, '{"code":"invalid_customer"}') },
  })),
  { status: 502, when: 'the wallet-server sends no balance', conditions: { wallet: jsonAnswer(200, '{}') } },
  { status: 502, when: 'the wallet-server answers 403', conditions: { wallet: jsonAnswer(403, '{}') } },
  {
    status: 502,
    when: 'the wallet-server rejects each token',
    conditions: { wallet: jsonAnswer(401, '{"code":"invalid_token"}') },
  },
  { status: 503, when: 'the wallet-server answers 503', conditions: { wallet: jsonAnswer(503, '{}') } },
  {
    status: 504,
    when: 'the wallet-server hangs',
    conditions: { wallet: () => undefined, walletTimeoutMilliseconds: 50 },
  },
  ...(
    [
      [502, 'refused'],
      [503, 'unavailable'],
      [504, 'timeout'],
    ] as const
  ).map(([status, reason]) => ({
    status,
    when: `there is no token (${reason})`,
    conditions: { token: new AccessTokenUnavailableError(reason, 1, new Error(reason)) },
  })),
];
const postedPaymentScenarios: Scenario[] = [
  { status: 400, when: 'fields are invalid', body: '{"debitAmount":"7","currency":"EUR"}' },
  { status: 402, when: 'the balance is too small', body: '{"debitAmount":1791}' },
];
const readinessScenarios: Scenario[] = [
  { status: 503, when: 'it is not ready', conditions: { readiness: new Readiness(() => false) } },
  { status: 503, when: 'it is stopping', conditions: { readiness: stopping } },
];
/** A completion conflicts while the server uses the old secret, a cancellation while it uses the next one. */
function conflict(path: string): Scenario {
  const nextSecretLastFour = path.startsWith('/complete') ? 'wxyz' : 'abcd';
  return {
    status: 409,
    when: 'the server would lose access',
    conditions: { nextSecretLastFour, rotating: false },
  };
}
const rotationScenarios: Scenario[] = [
  { status: 404, when: 'the client does not exist', conditions: { stytch: stytchError(404, 'not_found') } },
];

const stored = { secretIsStored: true };
const heldElsewhere = {
  secret: 'secret-abcd',
  rotation: { startedAt: new Date(), holder: 'elsewhere/pid:[1]/7/another' },
};
const rotatedToday = { secret: 'secret-abcd', lastRotatedAt: new Date() };
const storeScenarios: Scenario[] = [
  {
    status: 409,
    when: 'another process is rotating the secret',
    conditions: { store: { read: () => Promise.resolve({ secrets: heldElsewhere, version: '0' }) } },
  },
  {
    status: 500,
    when: 'the secret cannot be stored',
    conditions: { store: { write: () => Promise.reject(new SecretStoreError('cannot be written')) } },
  },
  { status: 200, when: 'the secret is stored', conditions: stored },
];
const statusScenarios: Scenario[] = [
  {
    status: 500,
    when: 'the secret cannot be read',
    conditions: { store: { read: () => Promise.reject(new SecretStoreError('cannot be read')) } },
  },
  {
    status: 200,
    when: 'a rotation is in progress',
    conditions: { rotating: true },
  },
  {
    status: 200,
    when: 'the secret was rotated before',
    conditions: { store: { read: () => Promise.resolve({ secrets: rotatedToday, version: '0' }) } },
  },
];

function clientScenarios(path: string): Scenario[] {
  return [
    ...rotationScenarios,
    { status: 400, when: 'the id contains a path', path: path.replace('{clientId}', '..%2Fusers') },
    { status: 400, when: 'the path is malformed', path: path.replace('{clientId}', '%ZZ') },
  ];
}
