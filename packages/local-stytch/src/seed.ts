import type { ClaimsTemplate } from './claimsTemplate';
import { createId, createSecret } from './secrets';
import type { SigningKey } from './signingKeys';

export type ClientStatus = 'active' | 'inactive';

/** What the whole project has in common, and the admin API can change. */
export interface ProjectSettings {
  /** How long an access token lives. Seconds. */
  tokenLifetimeSeconds: number;
  /** The `iss` claim: `stytch.com/<project_id>`, or the base URL, as for projects with a custom domain. */
  issuer: 'project' | 'base_url';
  /** Whether a search counts its results. Without, it answers `total: -1`. */
  searchTotals: boolean;
  claimsTemplate: ClaimsTemplate | undefined;
}

/** Stytch's own: a token lives one hour. */
export const defaultSettings: Readonly<ProjectSettings> = {
  tokenLifetimeSeconds: 3600,
  issuer: 'project',
  searchTotals: true,
  claimsTemplate: undefined,
};

/** An M2M client to start with. */
export interface SeedClient {
  readonly name: string;
  readonly id: string;
  readonly secret: string;
  readonly scopes: readonly string[];
  readonly trustedMetadata: Readonly<Record<string, unknown>>;
  /** Claims that each of its tokens has, beside those of the template. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly status: ClientStatus;
}

/** What the emulator starts with. The secrets are in plain text: they are shown once and never stored. */
export interface Seed {
  readonly projectId: string;
  readonly projectSecret: string;
  /** The first one is the client of `CLIENT_ID`, and of tokens that are minted. */
  readonly clients: readonly [SeedClient, ...SeedClient[]];
  readonly settings: Readonly<ProjectSettings>;
  /** Default: a new one. */
  readonly signingKey: SigningKey | undefined;
}

type Optional<Type> = { [Key in keyof Type]?: Type[Key] | undefined };

export type GivenClient = Optional<SeedClient>;

export interface GivenSeed {
  projectId?: string | undefined;
  projectSecret?: string | undefined;
  clients?: readonly GivenClient[] | undefined;
  settings?: Optional<ProjectSettings> | undefined;
  signingKey?: SigningKey | undefined;
}

/** The client when none is given. */
const defaultClient: GivenClient = { name: 'my-service', scopes: ['read:users', 'write:users'] };

/** Makes a seed. Ids and secrets that are not given are random. */
export function createSeed(given: GivenSeed = {}): Seed {
  const [first = defaultClient, ...others] = given.clients ?? [];
  return {
    projectId: given.projectId ?? createId('project'),
    projectSecret: given.projectSecret ?? `secret-test-${createSecret()}`,
    clients: [createSeedClient(first), ...others.map(createSeedClient)],
    settings: { ...defaultSettings, ...withoutUndefined(given.settings ?? {}) },
    signingKey: given.signingKey,
  };
}

function createSeedClient(given: GivenClient): SeedClient {
  return {
    name: given.name ?? '',
    id: given.id ?? createId('m2m-client'),
    secret: given.secret ?? createSecret(),
    scopes: given.scopes ?? [],
    trustedMetadata: given.trustedMetadata ?? {},
    claims: given.claims ?? {},
    status: given.status ?? 'active',
  };
}

function withoutUndefined(settings: Optional<ProjectSettings>): Partial<ProjectSettings> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
