import { Changes } from './changes';
import { ClientMap } from './clientMap';
import { Clock } from './clock';
import { createSalt, hashSecret, type StoredSecret, storeSecret } from './secrets';
import type { ClientStatus, ProjectSettings, Seed, SeedClient } from './seed';
import { createSigningKey, KeyRing, type SigningKeyList } from './signingKeys';
import { TokenLog } from './tokenLog';

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
  /** Claims that each of its tokens has. Stytch has no such field. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly salt: Buffer;
  readonly secret: StoredSecret;
  /** Set during a rotation. */
  readonly nextSecret: StoredSecret | null;
}

/** A whole project at one moment. It has hashes in place of secrets. */
export interface Snapshot {
  readonly projectId: string;
  /** Of `project_id:secret`, so that one comparison in constant time checks both. */
  readonly projectCredentials: { readonly salt: Buffer; readonly hash: Buffer };
  readonly clients: readonly StoredClient[];
  readonly keys: SigningKeyList;
  readonly settings: Readonly<ProjectSettings>;
}

/** All that one emulator knows, in memory: a project, its clients and its signing keys. */
export interface State {
  readonly projectId: string;
  readonly projectCredentials: Snapshot['projectCredentials'];
  /** What a reset restores. */
  readonly initial: Snapshot;
  readonly clients: Map<string, StoredClient>;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly settings: Readonly<ProjectSettings>;
  /** The tokens that were issued and minted. */
  readonly tokens: TokenLog;
  /** Where change is announced. */
  readonly changes: Changes;
  /** Where callers reach the emulator, without a slash at the end. Set once it listens. */
  baseUrl: string;
  nextSequence: number;
  /** The salt for the secret of an unknown client, so that such a request takes as long as any other. */
  readonly saltOfNobody: Buffer;
}

/** Hashes the secrets of a seed, and makes a signing key if it has none. */
export async function hashSeed(seed: Seed): Promise<Snapshot> {
  const salt = createSalt();
  const [key, hash, clients] = await Promise.all([
    seed.signingKey ?? createSigningKey(),
    hashSecret(`${seed.projectId}:${seed.projectSecret}`, salt),
    Promise.all(seed.clients.map(storeClient)),
  ]);
  return {
    projectId: seed.projectId,
    projectCredentials: { salt, hash },
    clients,
    keys: [key],
    settings: seed.settings,
  };
}

export function createState(initial: Snapshot, changes = new Changes()): State {
  const { projectId, projectCredentials, keys, settings } = initial;
  const clients = new ClientMap(changes);
  for (const client of initial.clients) clients.set(client.clientId, client);
  return {
    projectId,
    projectCredentials,
    initial,
    clients,
    keys: new KeyRing(keys, changes),
    clock: new Clock(changes),
    settings: { ...settings },
    tokens: new TokenLog(changes),
    changes,
    baseUrl: '',
    nextSequence: nextSequence(initial.clients),
    saltOfNobody: createSalt(),
  };
}

/** The project as it is now. */
export function takeSnapshot(state: State): Snapshot {
  const { projectId, projectCredentials, clients, keys, settings } = state;
  return {
    projectId,
    projectCredentials,
    clients: [...clients.values()].sort((one, other) => one.sequence - other.sequence),
    keys: keys.all,
    settings: { ...settings },
  };
}

/** Changes settings of the project. Those that are not given stay as they are. */
export function changeSettings({ settings, changes }: State, change: Partial<ProjectSettings>): void {
  Object.assign(settings, change);
  changes.state();
}

/** Restores the clients, their secrets, the keys, the settings and the clock of the start, and forgets the tokens. */
export function resetState(state: State): void {
  const { clients, settings } = state.initial;
  state.clients.clear();
  for (const client of clients) state.clients.set(client.clientId, client);
  state.nextSequence = nextSequence(clients);
  state.keys.reset();
  state.clock.offsetSeconds = 0;
  state.tokens.clear();
  changeSettings(state, settings);
}

function nextSequence(clients: readonly StoredClient[]): number {
  return Math.max(-1, ...clients.map(({ sequence }) => sequence)) + 1;
}

async function storeClient(client: SeedClient, sequence: number): Promise<StoredClient> {
  const salt = createSalt();
  return {
    sequence,
    clientId: client.id,
    clientName: client.name,
    clientDescription: '',
    status: client.status,
    scopes: client.scopes,
    trustedMetadata: client.trustedMetadata,
    claims: client.claims,
    salt,
    secret: await storeSecret(client.secret, salt),
    nextSecret: null,
  };
}
