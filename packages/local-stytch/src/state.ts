import { Clock } from './clock';
import { createSalt, hashSecret, type StoredSecret, storeSecret } from './secrets';
import type { Seed } from './seed';
import { createSigningKey, KeyRing } from './signingKeys';

export type ClientStatus = 'active' | 'inactive';

/** A stored M2M client. It is never changed in place: a change replaces it. */
export interface StoredClient {
  /** Counts clients in the order of their creation; searches are sorted by it. */
  readonly sequence: number;
  readonly clientId: string;
  readonly clientName: string;
  readonly clientDescription: string;
  readonly status: ClientStatus;
  readonly scopes: readonly string[];
  readonly trustedMetadata: Readonly<Record<string, unknown>>;
  readonly salt: Buffer;
  readonly secret: StoredSecret;
  /** Set while a rotation is under way. */
  readonly nextSecret: StoredSecret | null;
}

/** How long an access token lives unless a control says otherwise, in seconds: Stytch's hour. */
export const defaultTokenLifetimeSeconds = 3600;

/** Everything that one emulator knows: a project, its clients and its signing keys, in memory. */
export interface State {
  readonly projectId: string;
  /** Of `project_id:secret`, so that one comparison in constant time checks both. */
  readonly projectCredentials: { readonly salt: Buffer; readonly hash: Buffer };
  /** The client to which minted tokens belong unless told otherwise. */
  readonly paymentServiceId: string;
  readonly clients: Map<string, StoredClient>;
  readonly seededClients: readonly StoredClient[];
  readonly keys: KeyRing;
  readonly clock: Clock;
  tokenLifetimeSeconds: number;
  nextSequence: number;
  /** With it a secret is hashed that belongs to no client, so that such a request takes as long as any. */
  readonly saltOfNobody: Buffer;
}

/**
 * Makes the state of a new project with its two clients.
 *
 * @param now the real time, in milliseconds since 1970.
 */
export async function createState(seed: Seed, now: () => number = Date.now): Promise<State> {
  const salt = createSalt();
  const [signingKey, projectHash, paymentService, operator] = await Promise.all([
    createSigningKey(),
    hashSecret(`${seed.projectId}:${seed.projectSecret}`, salt),
    seededClient(0, 'payment-service', ['read:users'], seed.clientId, seed.clientSecret),
    seededClient(1, 'operator', ['manage:m2m_clients'], seed.operatorClientId, seed.operatorClientSecret),
  ]);
  const seededClients = [paymentService, operator];
  return {
    projectId: seed.projectId,
    projectCredentials: { salt, hash: projectHash },
    paymentServiceId: seed.clientId,
    clients: new Map(seededClients.map((client) => [client.clientId, client])),
    seededClients,
    keys: new KeyRing(signingKey),
    clock: new Clock(now),
    tokenLifetimeSeconds: defaultTokenLifetimeSeconds,
    nextSequence: seededClients.length,
    saltOfNobody: createSalt(),
  };
}

/** Back to the start: the seeded clients with their first secrets, the first key, the real clock. */
export function resetState(state: State): void {
  state.clients.clear();
  for (const client of state.seededClients) state.clients.set(client.clientId, client);
  state.nextSequence = state.seededClients.length;
  state.keys.reset();
  state.clock.offsetSeconds = 0;
  state.tokenLifetimeSeconds = defaultTokenLifetimeSeconds;
}

async function seededClient(
  sequence: number,
  clientName: string,
  scopes: readonly string[],
  clientId: string,
  secret: string,
): Promise<StoredClient> {
  const salt = createSalt();
  return {
    sequence,
    clientId,
    clientName,
    clientDescription: '',
    status: 'active',
    scopes,
    trustedMetadata: {},
    salt,
    secret: await storeSecret(secret, salt),
    nextSecret: null,
  };
}
