import 'service-kit/earlySignals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from 'service-kit';
import { makeCertificates } from './certs';
import { type Stack, startStack } from './stack';
import { Scenario } from './scenario';

interface Step {
  what: string;
  expected: string;
  /** Does the step and returns its outcome, in the words of `expected`. */
  run: () => Promise<string>;
}

/** A step had an unexpected outcome, or a program ended. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

const success = '"john_doe your payment of 769 to yh809ikol7plo98 was successful!"';

/** The steps that mutual TLS adds to the article. */
function stepsOfMutualTls(scenario: Scenario): Step[] {
  return [
    {
      what: 'call the payment-server without a certificate',
      expected: 'no connection',
      run: () => scenario.payWithoutCertificate(),
    },
    {
      what: "read the wallet with payment-service's token and the payment-server's certificate",
      expected: '200 john_doe',
      run: () => scenario.readWalletWithValidToken('payment-server'),
    },
    {
      what: "read it with the same token and the operator's certificate",
      expected: '403 client_not_allowed',
      run: () => scenario.readWalletWithValidToken('operator'),
    },
  ];
}

function stepsOf(scenario: Scenario): Step[] {
  return [
    { what: 'make the payment', expected: `200 ${success}`, run: () => scenario.pay() },
    {
      what: 'read the wallet without a token',
      expected: '401 unauthorized',
      run: () => scenario.readWallet(),
    },
    {
      what: 'read it with a garbage token',
      expected: '401 invalid_token',
      run: () => scenario.readWallet('garbage'),
    },
    { what: 'get a token as the operator', expected: '200 bearer', run: () => scenario.operatorSignsIn() },
    {
      what: "read the wallet with the operator's token, which lacks the scope",
      expected: '403 insufficient_scope',
      run: () => scenario.readWalletAsOperator(),
    },
    {
      what: 'search for the client without a token',
      expected: '401',
      run: () => scenario.searchWithoutToken(),
    },
    {
      what: 'search for the client as the operator',
      expected: '200 payment-service',
      run: () => scenario.search(),
    },
    {
      what: 'start the rotation of its secret',
      expected: '200 a new secret',
      run: () => scenario.startRotation(),
    },
    {
      what: 'complete the rotation',
      expected: '200 Secret rotation completed successfully',
      run: () => scenario.completeRotation(),
    },
    {
      what: 'ask for a token with the old secret',
      expected: '400 invalid_client',
      run: () => scenario.newToken('old'),
    },
    {
      what: 'ask for one with the new secret',
      expected: '200 bearer',
      run: () => scenario.newToken('current'),
    },
    { what: 'pay again', expected: `200 ${success}`, run: () => scenario.pay() },
    { what: 'deactivate the client', expected: '200 inactive', run: () => scenario.setStatus('inactive') },
    { what: 'pay with the cached token', expected: `200 ${success}`, run: () => scenario.pay() },
    { what: 'ask for a new token', expected: '400 invalid_client', run: () => scenario.newToken('current') },
    { what: 'reactivate the client', expected: '200 active', run: () => scenario.setStatus('active') },
    { what: 'ask for a new token', expected: '200 bearer', run: () => scenario.newToken('current') },
  ];
}

/**
 * Runs all steps of the article on a new stack. Prints a line for each step, with the expected and the actual outcome.
 *
 * @param onStarted is called with the stack before the first step.
 * @param mtls whether to use mutual TLS, with temporary certificates. Default false.
 * @param signal aborting it stops the demo and the stack.
 * @throws DemoFailure at the first unexpected outcome, or when a program ends.
 * @throws the signal's reason on abort.
 */
export async function runDemo(
  print: (line: string) => void,
  onStarted: (stack: Stack) => void | Promise<void> = () => undefined,
  mtls = false,
  signal?: AbortSignal,
): Promise<void> {
  if (!mtls) {
    await runSteps(print, onStarted, undefined, signal);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'demo-certs-'));
  try {
    await makeCertificates(folder);
    await runSteps(print, onStarted, folder, signal);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runSteps(
  print: (line: string) => void,
  onStarted: (stack: Stack) => void | Promise<void>,
  mtls?: string,
  signal?: AbortSignal,
): Promise<void> {
  const stack = await startStack({
    local: true,
    mtls,
    environment: { PORT: '0', LOG_LEVEL: 'error', DOTENV: 'off' },
    signal,
  });
  try {
    if (!stack.localStytch) throw new DemoFailure('local-stytch is not running');
    print(`ok  start: ${stack.programs.map(({ name, url }) => `${name} at ${url}`).join(', ')}`);
    await onStarted(stack);
    const interrupted = new Promise<never>((_resolve, reject) => {
      void stack.broken.then((why) => {
        reject(new DemoFailure(why));
      });
      signal?.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
    interrupted.catch(() => undefined); // It may reject while no step is running.
    const scenario = new Scenario(stack, stack.localStytch, mtls);
    for (const step of [...(mtls === undefined ? [] : stepsOfMutualTls(scenario)), ...stepsOf(scenario)]) {
      signal?.throwIfAborted();
      await Promise.race([runStep(step, print), interrupted]);
    }
    print('All steps match the article.');
  } finally {
    await stack.stop();
  }
}

async function runStep({ what, expected, run }: Step, print: (line: string) => void): Promise<void> {
  const outcome = await run().catch((error: unknown) => (error as Error).message);
  const comparison = `expected ${expected}; got ${outcome}`;
  print(`${outcome === expected ? 'ok ' : 'NOT'} ${what}: ${comparison}`);
  if (outcome !== expected) throw new DemoFailure(`"${what}" has an unexpected outcome: ${comparison}`);
}

async function main(signal: AbortSignal): Promise<void> {
  const print = (line: string) => {
    // The outcome of a step that was interrupted means nothing.
    if (!signal.aborted) console.log(line);
  };
  try {
    await runDemo(print, undefined, process.argv.includes('--mtls'), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`The demo failed: ${(error as Error).message}`, { cause: error });
  }
}

if (require.main === module) void runCommand(main);
