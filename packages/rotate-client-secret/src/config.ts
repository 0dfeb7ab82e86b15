import {
  crossFieldChecks,
  type Environment,
  readConfig,
  required,
  stytchSettings,
  wholeNumber,
} from 'service-kit';
import { FileSecretStore, KubernetesSecretStore, type SecretStore } from 'stytch-m2m';
import { z } from 'zod';

/** The settings of each M2M client whose secret can be rotated. */
const clients = {
  'payment-service': { id: 'CLIENT_ID', file: 'CLIENT_SECRET_FILE', name: 'CLIENT_SECRET_NAME' },
  operator: {
    id: 'OPERATOR_CLIENT_ID',
    file: 'OPERATOR_CLIENT_SECRET_FILE',
    name: 'OPERATOR_CLIENT_SECRET_NAME',
  },
} as const;

export type ClientName = keyof typeof clients;
export const clientNames = Object.keys(clients) as ClientName[];

/** How long a write takes to reach every server, in seconds: kubelets update mounted files, servers poll a file. */
const propagationSeconds = { secret: 120, file: 5 };

const settings = {
  ...stytchSettings,
  /** Where the API server of the cluster is. Kubernetes sets both in every container. */
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  KUBERNETES_SERVICE_PORT: z.string().default('443'),
  /** The folder with the token and the CA of the service account. */
  SERVICE_ACCOUNT_FOLDER: z.string().optional(),
  PROPAGATION_SECONDS: wholeNumber(0, 3_600).optional(),
};

export interface RotationConfig {
  projectId: string;
  /** The secret of the project. */
  secret: string;
  baseUrl: string | undefined;
  clientId: string;
  store: SecretStore;
  propagationMilliseconds: number;
}

/**
 * The settings of a rotation.
 *
 * @throws ConfigError that names every setting at fault.
 */
export function readRotationConfig(environment: Environment, client: ClientName): RotationConfig {
  const { id, file, name } = clients[client];
  const schema = z
    .object({
      ...settings,
      [id]: required(`the id of the M2M client ${client}`),
      [file]: z.string().optional(),
      [name]: z.string().optional(),
    })
    .superRefine(
      (given: Record<string, unknown>, context) => {
        const report = (variable: string, message: string) => {
          context.addIssue({ code: 'custom', path: [variable], message });
        };
        if (given[file] === undefined && given[name] === undefined) {
          report(name, `is missing: the name of the Kubernetes Secret, unless ${file} is set`);
        }
        if (given[file] !== undefined && given[name] !== undefined) {
          report(name, `must not be set beside ${file}`);
        }
        if (given[name] !== undefined && given['KUBERNETES_SERVICE_HOST'] === undefined) {
          report('KUBERNETES_SERVICE_HOST', `is missing: ${name} needs a cluster, which sets it in its pods`);
        }
      },
      { when: () => true },
    )
    .check(crossFieldChecks);
  const config = readConfig(schema, environment, undefined, ['STYTCH_SECRET']);
  const { STYTCH_PROJECT_ID, STYTCH_SECRET, STYTCH_BASE_URL, PROPAGATION_SECONDS } = config;
  const own = config as Record<string, unknown> as Partial<Record<string, string>>;
  const path = own[file];
  const seconds = PROPAGATION_SECONDS ?? propagationSeconds[path === undefined ? 'secret' : 'file'];
  return {
    projectId: STYTCH_PROJECT_ID,
    secret: STYTCH_SECRET,
    baseUrl: STYTCH_BASE_URL,
    clientId: own[id] ?? '',
    store: path === undefined ? kubernetesStore(config, own[name] ?? '') : new FileSecretStore(path),
    propagationMilliseconds: seconds * 1_000,
  };
}

function kubernetesStore(config: z.infer<z.ZodObject<typeof settings>>, name: string): SecretStore {
  const { KUBERNETES_SERVICE_HOST = '', KUBERNETES_SERVICE_PORT, SERVICE_ACCOUNT_FOLDER } = config;
  const isIpv6 = KUBERNETES_SERVICE_HOST.includes(':');
  const host = isIpv6 ? `[${KUBERNETES_SERVICE_HOST}]` : KUBERNETES_SERVICE_HOST;
  return new KubernetesSecretStore({
    server: `https://${host}:${KUBERNETES_SERVICE_PORT}`,
    name,
    ...(SERVICE_ACCOUNT_FOLDER !== undefined && { credentialsFolder: SERVICE_ACCOUNT_FOLDER }),
  });
}
