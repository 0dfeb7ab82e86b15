import { ConfigError } from 'service-kit';
import { readRotationConfig } from '../src/config';
import { readClient } from '../src/rotateClientSecret';

/** The environment of the job in a cluster. */
function inCluster(change: Record<string, string> = {}): Record<string, string> {
  return {
    STYTCH_PROJECT_ID: 'project-test-1',
    STYTCH_SECRET: 'secret-of-the-project',
    CLIENT_ID: 'm2m-client-test-1',
    CLIENT_SECRET_NAME: 'payment-client',
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    PROPAGATION_SECONDS: '0',
    ...change,
  };
}

function without(name: string, environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([other]) => other !== name));
}

describe('the settings', () => {
  test('When there are none, then each that is missing is named', () => {
    const reading = () => readRotationConfig({}, 'payment-service');

    expect(reading).toThrow(ConfigError);
    expect(reading).toThrow(
      /STYTCH_PROJECT_ID: is missing(.|\n)*STYTCH_SECRET: is missing(.|\n)*CLIENT_ID: is missing(.|\n)*CLIENT_SECRET_NAME: is missing/,
    );
  });

  test('When it runs for the operator, then the operator’s settings are named', () => {
    expect(() => readRotationConfig({}, 'operator')).toThrow(
      /OPERATOR_CLIENT_ID: is missing(.|\n)*OPERATOR_CLIENT_SECRET_NAME: is missing/,
    );
  });

  test('When both a file and a Secret are named, then the message says that only one may be', () => {
    expect(() => readRotationConfig(inCluster({ CLIENT_SECRET_FILE: '/file' }), 'payment-service')).toThrow(
      'CLIENT_SECRET_NAME: must not be set beside CLIENT_SECRET_FILE',
    );
  });

  test('When a Secret is named outside of a cluster, then the message says so', () => {
    const outside = without('KUBERNETES_SERVICE_HOST', inCluster());

    expect(() => readRotationConfig(outside, 'payment-service')).toThrow(
      'KUBERNETES_SERVICE_HOST: is missing: CLIENT_SECRET_NAME needs a cluster',
    );
  });

  test.each([
    ['a Kubernetes Secret', inCluster, 120_000],
    ['a file', () => without('CLIENT_SECRET_NAME', inCluster({ CLIENT_SECRET_FILE: '/file' })), 5_000],
  ])(
    'When the secret is in %s, then it is completed after the usual time',
    (_where, settings, milliseconds) => {
      const environment = without('PROPAGATION_SECONDS', settings());

      expect(readRotationConfig(environment, 'payment-service').propagationMilliseconds).toBe(milliseconds);
    },
  );

  test('When the API server has an IPv6 address, then it is accepted', () => {
    expect(() =>
      readRotationConfig(inCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1' }), 'payment-service'),
    ).not.toThrow();
  });

  test.each([
    [[], 'payment-service'],
    [['--client', 'operator'], 'operator'],
    [['--client=payment-service'], 'payment-service'],
  ])('When the parameters are %j, then the client is %s', (parameters, client) => {
    expect(readClient(parameters)).toBe(client);
  });

  test.each([[['--client', 'nobody']], [['--client']], [['operator']], [['--force']]])(
    'When the parameters are %j, then the usage is shown',
    (parameters) => {
      expect(() => readClient(parameters)).toThrow(
        'Usage: rotate-client-secret [--client payment-service|operator]',
      );
    },
  );
});
