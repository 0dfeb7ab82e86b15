import 'service-kit/earlySignals';
import { join } from 'node:path';
import { exit, loadEnvironment, onStop, openStandardOutput } from 'service-kit';
import { tokenEndpoint } from 'stytch-m2m';
import { certificatesFolder, curlOptions, makeCertificates } from './certs';
import { connectConsole } from './console';
import { createLineFormat, formatUsage, type CurlOptions } from './output';
import { root } from './program';
import { hasNoCredentials, type Stack, type StackOptions, startStack } from './stack';

export interface StartOptions {
  /** Whether to run the TypeScript sources and restart on change. Default false. */
  watch?: boolean;
  /** As in `startStack`. */
  environment?: NodeJS.ProcessEnv;
  own?: StackOptions['own'];
  /** Whether to use local-stytch. Default: if the environment has no credentials. */
  local?: boolean;
  /** The folder for the certificates of mutual TLS, which are made if necessary. Default: plain HTTP. */
  mtls?: string | undefined;
  print: (text: string) => void;
  /** Whether to use terminal colours. Default false. */
  colour?: boolean;
  /** Aborting it stops the start. */
  signal?: AbortSignal;
}

/**
 * Starts everything, and prints the addresses and two calls to try. It uses local-stytch, with its console, if the
 * environment has no credentials.
 *
 * @throws Error when a program ends before it listens.
 * @throws the signal's reason on abort.
 */
export async function start(options: StartOptions): Promise<Stack> {
  const { watch = false, environment = {}, own = {}, mtls, print, colour = false, signal } = options;
  const { local = hasNoCredentials({ ...process.env, ...environment }) } = options;
  if (mtls !== undefined) await makeCertificates(mtls);
  const format = createLineFormat(colour);
  const stack = await startStack({
    local,
    mtls,
    watch,
    environment,
    own,
    signal,
    onLine: (name, line) => {
      // The SDK warns about every address other than Stytch's. Here it is intended.
      if (!(local && line.startsWith('[Stytch] Warning'))) print(format(name, line));
    },
  });
  connectConsole(stack, mtls);
  const mode = stack.localStytch
    ? [
        `Open ${stack.localStytch.url} in a browser to watch a payment, step by step.`,
        '',
        'Everything runs on local-stytch, an emulator of Stytch on this machine: no account, no network.',
      ]
    : [
        'Running against the Stytch project of your .env.',
        'There is no console in the browser: it is part of local-stytch, the emulator.',
      ];
  const addresses = stack.programs.map(({ name, url }) => `  ${name.padEnd(16)}${url}`);
  print(['', ...mode, '', ...addresses].join('\n'));
  const tls = mtls === undefined ? undefined : optionsOfCurl(mtls, local);
  print(formatUsage(stack.payment.url, tokenSource(stack, { ...process.env, ...environment }), tls));
  return stack;
}

function optionsOfCurl(folder: string, local: boolean): CurlOptions {
  return { payment: curlOptions(folder, 'operator'), token: local ? curlOptions(folder) : '' };
}

function tokenSource(
  { localStytch }: Stack,
  environment: NodeJS.ProcessEnv,
): Parameters<typeof formatUsage>[1] {
  if (!localStytch) {
    const { STYTCH_PROJECT_ID = '', STYTCH_BASE_URL } = loadEnvironment([root], environment);
    return {
      endpoint: tokenEndpoint({ projectId: STYTCH_PROJECT_ID, baseUrl: STYTCH_BASE_URL }),
      clientId: '"$OPERATOR_CLIENT_ID"',
      clientSecret: '"$OPERATOR_CLIENT_SECRET"',
      before: `. ${join(root, '.env')}; `,
    };
  }
  const { STYTCH_PROJECT_ID = '', OPERATOR_CLIENT_ID = '', OPERATOR_CLIENT_SECRET = '' } = localStytch.seed;
  return {
    endpoint: tokenEndpoint({ projectId: STYTCH_PROJECT_ID, baseUrl: localStytch.url }),
    clientId: OPERATOR_CLIENT_ID,
    clientSecret: OPERATOR_CLIENT_SECRET,
  };
}

async function main(): Promise<void> {
  // Not process.stdout: its buffer has no bound if the reader is slow, and is lost at the exit.
  const print = (text: string) => {
    openStandardOutput().write(`${text}\n`);
  };
  const stopping = new AbortController();
  const starting = start({
    watch: process.argv.includes('--dev'),
    mtls: process.argv.includes('--mtls') ? certificatesFolder : undefined,
    print,
    colour: process.stdout.isTTY,
    signal: stopping.signal,
  });
  onStop('server', async () => {
    print('\nStopping everything.');
    stopping.abort();
    await starting.then(
      (stack) => stack.stop(),
      () => undefined,
    );
  });
  try {
    const stack = await starting;
    const why = await stack.broken;
    print(`\n${why}. Stopping the rest.`);
    await stack.stop();
  } catch (error) {
    if (stopping.signal.aborted) return;
    print(`\n${(error as Error).message}. Nothing is left running.`);
  }
  await exit(1);
}

if (require.main === module) void main();
