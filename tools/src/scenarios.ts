import type {
  CallToken,
  Scenario,
  ScenarioStep,
  ServiceCall,
} from '../../packages/local-stytch/src/consoleApi';

/** What the scenarios need to know of local-stytch. */
export interface ScenarioIds {
  projectId: string;
  /** The client id of payment-service. */
  clientId: string;
  operatorClientId: string;
}

const pay = step('Make the payment.', {
  service: 'payment-server',
  method: 'GET',
  path: '/initiate-payment',
});

/** The steps of the article, for the console: each is a button. */
export function createScenarios(ids: ScenarioIds): Scenario[] {
  return [
    {
      id: 'payment',
      title: 'Make the payment',
      sentence:
        'The payment-server gets an access token and reads the wallet with it. ' +
        'Make it twice: the second payment takes the token from the cache, so it does not ask Stytch and is faster.',
      steps: [pay],
    },
    ...refusals(ids),
    ...clientStatus(ids),
    ...rotation(ids),
    newSigningKey(ids),
    ...outage(ids),
  ];
}

/** Tokens that the wallet-server does not accept, each for another reason. */
function refusals({ operatorClientId }: ScenarioIds): Scenario[] {
  return [
    {
      id: 'no-token',
      title: 'No token',
      sentence: 'Without an access token the answer is 401: the wallet-server does not know who calls.',
      steps: [readWallet('Read the wallet without a token.')],
    },
    {
      id: 'garbage-token',
      title: 'Garbage token',
      sentence: 'A text that is not a JWT is refused with 401 invalid_token.',
      steps: [readWallet('Read the wallet with the token "garbage".', { kind: 'text', text: 'garbage' })],
    },
    {
      id: 'missing-scope',
      title: 'Missing scope',
      sentence:
        "The operator's token is valid, but lacks the scope read:users. " +
        'The answer is 403, not 401: the wallet-server knows who calls, and this client may not.',
      steps: [
        readWallet("Read the wallet with the operator's token.", {
          kind: 'client',
          client_id: operatorClientId,
        }),
      ],
    },
    {
      id: 'expired-token',
      title: 'Expired token',
      sentence: 'The signature is right, but the time in the claim exp has passed: 401.',
      steps: [
        readWallet('Read the wallet with a token that expired in 2023.', {
          kind: 'minted',
          claims: { iat: 1_699_996_400, nbf: 1_699_996_400, exp: 1_700_000_000 },
        }),
      ],
    },
    {
      id: 'wrong-audience',
      title: 'Wrong audience',
      sentence: 'The claim aud names another project, so the token is not meant for this wallet-server: 401.',
      steps: [
        readWallet('Read the wallet with a token for another project.', {
          kind: 'minted',
          claims: { aud: ['project-test-another'] },
        }),
      ],
    },
    {
      id: 'alg-none',
      title: 'alg: none',
      sentence:
        'The header says that the token needs no signature. The wallet-server accepts only RS256: 401.',
      steps: [
        readWallet('Read the wallet with a token whose header says alg: none.', {
          kind: 'minted',
          header: { alg: 'none' },
        }),
      ],
    },
  ];
}

function clientStatus({ clientId, operatorClientId }: ScenarioIds): Scenario[] {
  const update = (title: string, status: 'active' | 'inactive') =>
    asOperator(title, operatorClientId, {
      method: 'PUT',
      path: `/update-m2m-client/${clientId}`,
      body: { status },
    });
  return [
    {
      id: 'deactivate',
      title: 'Deactivate the client',
      sentence:
        'Stytch gives a deactivated client no new token. The payment still succeeds: ' +
        'the cached token is valid until it expires, because the wallet-server checks it without asking Stytch.',
      steps: [pay, update('Deactivate payment-service.', 'inactive'), pay],
    },
    {
      id: 'reactivate',
      title: 'Reactivate the client',
      sentence: 'Stytch issues tokens to the client again.',
      steps: [update('Reactivate payment-service.', 'active'), pay],
    },
  ];
}

function rotation({ operatorClientId }: ScenarioIds): Scenario[] {
  const post = (title: string, path: string) => asOperator(title, operatorClientId, { method: 'POST', path });
  return [
    {
      id: 'rotate-start',
      title: 'Start the rotation',
      sentence:
        'The client now has two secrets, and Stytch accepts both: open payment-service in the tab Clients to see their last four characters. ' +
        'The payment-server already uses the new one. No payment fails.',
      steps: [post('Start the rotation of the secret.', '/start-secret-rotation'), pay],
    },
    {
      id: 'rotate-complete',
      title: 'Complete the rotation',
      sentence:
        'The payment-server first gets a token with the new secret, to be sure that it works. ' +
        'Then Stytch revokes the old one. Start the rotation first: without one there is nothing to complete.',
      steps: [post('Complete the rotation of the secret.', '/complete-secret-rotation'), pay],
    },
  ];
}

function newSigningKey({ clientId }: ScenarioIds): Scenario {
  return {
    id: 'new-signing-key',
    title: 'New signing key',
    sentence:
      'Stytch signs with a new key and withdraws the old one. The wallet-server meets the new key and fetches the JWKS. ' +
      'Then it refuses the cached token, which the old key signed, and the payment-server gets a new one.',
    steps: [
      pay,
      {
        title: 'Sign with a new key.',
        local: { method: 'POST', path: '/local/signing-keys/rotate', body: { keep_previous: false } },
      },
      readWallet('Read the wallet with a token that the new key signed.', {
        kind: 'client',
        client_id: clientId,
      }),
      pay,
    ],
  };
}

function outage({ projectId }: ScenarioIds): Scenario[] {
  const body = { kind: 'status', status: 503, path: `/v1/public/${projectId}/oauth2/token` };
  return [
    {
      id: 'stytch-away',
      title: 'Stytch is away',
      sentence:
        "Stytch's token endpoint answers 503. The payment still succeeds: the token is in the cache, so Stytch is not even asked.",
      steps: [
        pay,
        { title: 'Break the token endpoint.', local: { method: 'POST', path: '/local/faults', body } },
        pay,
      ],
    },
    {
      id: 'stytch-back',
      title: 'Stytch is back',
      sentence: 'All faults are removed, and Stytch issues tokens again.',
      steps: [{ title: 'Remove all faults.', local: { method: 'DELETE', path: '/local/faults' } }, pay],
    },
  ];
}

function step(title: string, call: ServiceCall): ScenarioStep {
  return { title, call };
}

function readWallet(title: string, token?: CallToken): ScenarioStep {
  return step(title, {
    service: 'wallet-server',
    method: 'POST',
    path: '/api/check-balance',
    body: { customerId: '67uhjio098uhgt6l' },
    ...(token && { token }),
  });
}

/** A call of an admin route. */
function asOperator(
  title: string,
  operatorClientId: string,
  call: Pick<ServiceCall, 'method' | 'path' | 'body'>,
): ScenarioStep {
  const token: CallToken = { kind: 'client', client_id: operatorClientId };
  return step(title, { service: 'payment-server', ...call, token });
}
