import { join } from 'node:path';
import { loadEnvironment } from 'service-kit';
import { certificateFiles } from './certs';
import { type Program, type ProgramName, type ProgramOptions, root, startProgram } from './program';

export interface StackOptions {
  /** Variables on top of the environment of this process, for every program. */
  environment?: NodeJS.ProcessEnv;
  /** Variables for one program alone. */
  own?: Partial<Record<ProgramName, NodeJS.ProcessEnv>>;
  /** Whether to run on local-stytch, or against the Stytch that the environment names. */
  local: boolean;
  /** The folder with the certificates to run over mutual TLS with. Default: plain HTTP. */
  mtls?: string | undefined;
  onLine?: ProgramOptions['onLine'];
  watch?: boolean;
  /** Its abort stops a stack that is starting. */
  signal?: AbortSignal | undefined;
}

/** Everything that runs. */
export interface Stack {
  /** Undefined when the stack runs against Stytch. */
  localStytch: Program | undefined;
  wallet: Program;
  payment: Program;
  /** Those that run, in the order of their start. */
  programs: readonly Program[];
  /** Settles when a program ends that nobody stopped: with a sentence about it. */
  broken: Promise<string>;
  /** Stops every program, the last started first. */
  stop(): Promise<void>;
}

/** Whether the environment names no Stytch project, so that local-stytch takes its place. */
export function hasNoCredentials(environment: NodeJS.ProcessEnv = process.env): boolean {
  return ['payment-server', 'wallet-server'].every((name) => {
    const { STYTCH_PROJECT_ID, STYTCH_SECRET } = loadEnvironment([join(root, name), root], environment);
    return STYTCH_PROJECT_ID === undefined && STYTCH_SECRET === undefined;
  });
}

/**
 * Starts local-stytch (unless told otherwise), the wallet-server and the payment-server, each as a process,
 * each pointed at the ones before it.
 *
 * @throws Error when one of them does not come to listen; the others are stopped by then.
 * @throws the signal's reason on abort; none runs by then.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { environment, own, local, mtls, onLine, watch, signal } = options;
  const programs: Program[] = [];
  let stopping = false;
  const stop = async () => {
    stopping = true;
    for (const program of [...programs].reverse()) await program.stop();
  };
  const start = async (name: ProgramName, learned: NodeJS.ProcessEnv) => {
    const program = await startProgram({
      name,
      // PORT in the environment of the launcher would be the port of all three: it is left out.
      environment: {
        ...process.env,
        PORT: '',
        ...(mtls !== undefined && mtlsEnvironment(mtls, name, local)),
        ...learned,
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
    const wallet = await start('wallet-server', { ...localStytch?.seed });
    const payment = await start('payment-server', { ...localStytch?.seed, WALLET_SERVER_URL: wallet.url });
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

/**
 * What makes a program speak mutual TLS. local-stytch asks for no certificate, for the SDK has no way to show
 * one; the SDK trusts the CA because Node does.
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
