import { ConfigError, type Environment } from 'service-kit';
import type { CommandOptions } from './commandLine';
import { isLocalHost, readCredentials } from './config';
import { createEmulator, listen, type RunningEmulator } from './emulator';
import { createSecret } from './secrets';
import { createSeed, type GivenSeed, type Seed } from './seed';
import { readSeedFile } from './seedFile';
import { hashSeed, type State, takeSnapshot } from './state';
import { checkWritable, readStateFile, writeStateFile } from './stateFile';

/** The emulator of a command. */
export interface Project extends Pick<RunningEmulator, 'url' | 'port'> {
  projectId: string;
  /** The variables that point a service here. Secrets of an imported state are unknown, so they are not among them. */
  env: Record<string, string>;
  clients: readonly { name: string; id: string; secret?: string; scopes: readonly string[] }[];
  /** What the admin API requires, where other machines can call it. */
  adminToken: string | undefined;
  /** Stops, and saves the state if the options say so. */
  close(): Promise<void>;
}

/**
 * Starts the emulator of a command.
 *
 * @param environment where the credentials are that no file has.
 * @throws ConfigError when a file, a variable or the port cannot be used.
 */
export async function startProject(options: CommandOptions, environment: Environment): Promise<Project> {
  const credentials = readCredentials(environment);
  if (options.exportOnExit !== undefined) await checkWritable(options.exportOnExit);
  const seed = options.import === undefined ? createSeed(readSeed(options.seed, credentials)) : undefined;
  const initial = seed ? await hashSeed(seed) : readStateFile(options.import ?? '');
  const isLocal = isLocalHost(options.host);
  const adminToken = isLocal ? undefined : (credentials.LOCAL_STYTCH_ADMIN_TOKEN ?? createSecret());
  const emulator = createEmulator(initial, { adminToken, reportError });
  emulator.content.services = options.services;
  const running = await listen(emulator, options).catch((error: unknown) => {
    throw new ConfigError(`${(error as Error).message}. Choose another with --port.`);
  });
  const { url, port, state } = running;
  const clients: Project['clients'] =
    seed?.clients ??
    initial.clients.map(({ clientName: name, clientId: id, scopes }) => ({ name, id, scopes }));
  return {
    url,
    port,
    projectId: initial.projectId,
    env: variables(initial.projectId, url, clients[0]?.id, seed),
    clients,
    adminToken,
    close: async () => {
      await running.close();
      if (options.exportOnExit !== undefined) await save(options.exportOnExit, state);
    },
  };
}

/** The credentials of the environment are those of a seed file that has none. */
function readSeed(file: string | undefined, credentials: ReturnType<typeof readCredentials>): GivenSeed {
  const given = file === undefined ? {} : readSeedFile(file);
  const [first = { name: 'my-service', scopes: ['read:users', 'write:users'] }, ...others] =
    given.clients ?? [];
  return {
    ...given,
    projectId: given.projectId ?? credentials.STYTCH_PROJECT_ID,
    projectSecret: given.projectSecret ?? credentials.STYTCH_SECRET,
    clients: [
      { ...first, id: first.id ?? credentials.CLIENT_ID, secret: first.secret ?? credentials.CLIENT_SECRET },
      ...others,
    ],
  };
}

async function save(file: string, state: State): Promise<void> {
  await writeStateFile(file, takeSnapshot(state)).catch((error: unknown) => {
    throw new ConfigError(`The state cannot be saved: ${(error as Error).message}`);
  });
}

function variables(
  projectId: string,
  url: string,
  clientId: string | undefined,
  seed: Seed | undefined,
): Record<string, string> {
  return {
    STYTCH_PROJECT_ID: projectId,
    ...(seed && { STYTCH_SECRET: seed.projectSecret }),
    STYTCH_BASE_URL: url,
    ...(clientId !== undefined && { CLIENT_ID: clientId }),
    ...(seed && { CLIENT_SECRET: seed.clients[0].secret }),
  };
}

function reportError(error: unknown): void {
  process.stderr.write(
    `local-stytch: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
