import './closedNetwork';
import type { EventEmitter } from 'node:events';

const emitter: Pick<EventEmitter, 'emit' | 'listeners' | 'off'> = process;
const events = ['SIGINT', 'SIGTERM', 'error', 'exit'] as const;
const listenersBefore = new Set(events.flatMap((event) => emitter.listeners(event)));
const exitCodeBefore = process.exitCode;
let exit: jest.SpyInstance;
let written: string;
let now: number;

beforeEach(() => {
  jest.resetModules(); // A process is asked to stop once.
  written = '';
  now = 1_000_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  jest.spyOn(process, 'getActiveResourcesInfo').mockReturnValue([]);
  exit = jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  process.exitCode = exitCodeBefore;
  for (const event of events) {
    for (const listener of emitter.listeners(event)) {
      if (!listenersBefore.has(listener)) emitter.off(event, listener as () => void);
    }
  }
  jest.restoreAllMocks();
});

const runCommand = (work: (signal: AbortSignal) => Promise<void>) =>
  jest.requireActual<typeof import('../src/command')>('../src/command').runCommand(work);

describe('runCommand', () => {
  test('When the command ends, then the exit code is 0', async () => {
    await runCommand(() => Promise.resolve());

    expect(process.exitCode).toBe(0);
    expect(exit).not.toHaveBeenCalled();
  });

  test('When it fails, then it says why, and the exit code is 1', async () => {
    await runCommand(() => Promise.reject(new Error('no such client')));

    expect(process.exitCode).toBe(1);
    expect(written).toBe('no such client\n');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('When %s stops it, then the exit code is %d', async (signal, exitCode) => {
    await runCommand(async (stopping) => {
      await Promise.resolve();
      emitter.emit(signal);
      stopping.throwIfAborted();
    });
    await new Promise(setImmediate);

    expect(exit.mock.calls).toEqual([[exitCode]]);
    expect(written).toBe('');
  });

  test.each([
    ['finishes', () => Promise.resolve(), 0],
    ['fails', () => Promise.reject(new Error('refused')), 1],
  ])('When a signal comes, but it %s, then the exit code is that of its end', async (_how, end, exitCode) => {
    await runCommand(async () => {
      await Promise.resolve();
      emitter.emit('SIGTERM');
      await end();
    });
    await new Promise(setImmediate);

    expect(exit.mock.calls).toEqual([[exitCode]]);
  });

  test('When a second signal comes later, then it ends at once', async () => {
    void runCommand(() => new Promise(() => undefined));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    await new Promise(setImmediate);

    emitter.emit('SIGINT');
    now += 501;
    emitter.emit('SIGINT');

    expect(exit.mock.calls).toEqual([[130]]);
  });
});

test('When a file operation does not end, then the exit kills the process after a second', async () => {
  jest.spyOn(process, 'getActiveResourcesInfo').mockReturnValue(['FSReqPromise']);
  const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
  jest.spyOn(performance, 'now').mockImplementation(() => (now += 300));
  let exited: () => void;
  const exiting = new Promise<void>((resolve) => {
    exited = resolve;
  });
  exit.mockImplementation(() => {
    for (const listener of emitter.listeners('exit'))
      if (!listenersBefore.has(listener)) (listener as () => void)();
    exited();
  });

  await runCommand(async () => {
    await Promise.resolve();
    emitter.emit('SIGTERM');
  });
  await exiting;

  expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']]);
  expect(written).toContain('a file operation does not end');
});
