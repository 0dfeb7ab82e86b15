import { join } from 'node:path';
import { loadEnvironment } from 'service-kit';
import { certificateFiles } from './certs';
import { type Program, type ProgramName, type ProgramOptions, root, startProgram } from './program';

export interface StackOptions {
  /** Variables for all programs. They override the environment of this process. */
  environment?: NodeJS.ProcessEnv;
  /** Variables for one program. They override all others. */
  own?: Partial<Record<ProgramName, NodeJS.ProcessEnv>>;
  /** Whether to use local-stytch instead of the Stytch project of the environment. */
  local: boolean;
  /** The folder with the certificates for mutual TLS. Default: plain HTTP. */
  mtls?: string | undefined;
  onLine?: ProgramOptions['onLine'];
  watch?: boolean;
  /** Aborting it stops a stack that is starting. */
  signal?: AbortSignal | undefined;
}

/** The running programs. */
export interface Stack {
  /** Undefined if the stack uses Stytch. */
  localStytch: Program | undefined;
  wallet: Program;
  payment: Program;
  /** All of them, in the order of their start. */
  programs: readonly Program[];
  /** Is fulfilled when a program ends unexpectedly, with a sentence that says which. */
  broken: Promise<string>;
  /** Stops every program, the last started first. */
  stop(): Promise<void>;
}

/** Whether the environment has no Stytch project, so that local-stytch is used. */
export function hasNoCredentials(environment: NodeJS.ProcessEnv = process.env): boolean {
  return ['payment-server', 'wallet-server'].every((name) => {
    const { STYTCH_PROJECT_ID, STYTCH_SECRET } = loadEnvironment([join(root, name), root], environment);
    return STYTCH_PROJECT_ID === undefined && STYTCH_SECRET === undefined;
  });
}

/**
 * Starts local-stytch (if `local`), the wallet-server and the payment-server, each in its own process. Each gets the
 * addresses of those before it.
 *
 * @throws Error when one of them ends before it listens, after the others have been stopped.
 * @throws the signal's reason on abort, after all have been stopped.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { environment, own, local, mtls, onLine, watch, signal } = options;
  const programs: Program[] = [];
  let stopping = false;
  const stop = async () => {
    stopping = true;
    for (const program of [...programs].reverse()) await program.stop();
  };
  const start = async (name: ProgramName, addresses: NodeJS.ProcessEnv) => {
    const program = await startProgram({
      name,
      // Without this, a PORT in the environment would be the port of all three.
      environment: {
        ...process.env,
        PORT: '',
        ...(mtls !== undefined && mtlsEnvironment(mtls, name, local)),
        ...addresses,
        ...environment,
        ...own?.[name],
      },
      ...(onLine && { onLine }),
      watch: watch === true && name !== 'local-stytch',
      signal,
    });
    programs.push(program);
    return program;
  };
  try {
    const localStytch = local ? await start('local-stytch', {}) : undefined;
    const addresses = { ...localStytch?.seed, ...(localStytch && tracesTo(localStytch)) };
    const wallet = await start('wallet-server', addresses);
    const payment = await start('payment-server', { ...addresses, WALLET_SERVER_URL: wallet.url });
    const broken = Promise.race(
      programs.map(async ({ name, ended }) => {
        const how = await ended;
        return stopping ? new Promise<never>(() => undefined) : `${name} ended unexpectedly (${how})`;
      }),
    );
    return { localStytch, wallet, payment, programs, broken, stop };
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw error;
  }
}

/** Sends the traces to local-stytch, unless the environment or a `.env` file names another receiver. */
function tracesTo({ url }: Program): NodeJS.ProcessEnv {
  const folders = [join(root, 'payment-server'), join(root, 'wallet-server'), root];
  if (loadEnvironment(folders).OTEL_EXPORTER_OTLP_ENDPOINT !== undefined) return {};
  return { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/local`, OTEL_BSP_SCHEDULE_DELAY: '200' };
}

/**
 * The environment of a program with mutual TLS. local-stytch requires no client certificate, because the SDK cannot
 * send one. The SDK trusts the CA through NODE_EXTRA_CA_CERTS.
 */
function mtlsEnvironment(folder: string, name: ProgramName, local: boolean): NodeJS.ProcessEnv {
  const { ca, certificate, key } = certificateFiles(folder, name);
  const own = { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key };
  if (name === 'local-stytch') return own;
  return {
    ...own,
    TLS_CA_FILE: ca,
    ...(local && { NODE_EXTRA_CA_CERTS: ca }),
    ...(name === 'wallet-server' && { ALLOWED_CLIENT_NAMES: 'payment-server' }),
  };
}
