import './closedNetwork';
import type { EventEmitter } from 'node:events';
import type { RunningServer } from '../src/index';

const events = ['SIGINT', 'SIGTERM', 'disconnect'] as const;
const emitter: Pick<EventEmitter, 'emit' | 'listeners' | 'off'> = process;
const allEvents = [...events, 'error', 'exit'] as const;
const listenersBefore = new Set(allEvents.flatMap((event) => emitter.listeners(event)));
const channel: unknown = Reflect.get(process, 'send');
const lifecycleEvent = process.env['npm_lifecycle_event'];
const exitCodeBefore = process.exitCode;
let exit: jest.SpyInstance;
let sent: jest.Mock;
let written: string;
let now: number;
let finishClosing: () => void;
let close: jest.Mock<Promise<void>>;
let server: RunningServer;

beforeEach(() => {
  now = 1_000_000;
  written = '';
  jest.resetModules(); // The module remembers the first stop.
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  jest.spyOn(process, 'getActiveResourcesInfo').mockReturnValue([]);
  exit = jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
  sent = jest.fn();
  process.send = sent;
  const closing = new Promise<void>((resolve) => {
    finishClosing = resolve;
  });
  close = jest.fn(() => closing);
  server = { url: 'http://localhost:1', port: 1, close };
});

afterEach(() => {
  for (const event of allEvents) {
    for (const listener of emitter.listeners(event)) {
      if (!listenersBefore.has(listener)) emitter.off(event, listener as () => void);
    }
  }
  process.exitCode = exitCodeBefore;
  Reflect.set(process, 'send', channel);
  if (lifecycleEvent === undefined) delete process.env['npm_lifecycle_event'];
  else process.env['npm_lifecycle_event'] = lifecycleEvent;
  jest.restoreAllMocks();
});

const load = () => jest.requireActual<typeof import('../src/program')>('../src/program');
const run = () => load().runProgram(() => Promise.resolve(server), []);
const runCommand = (work: (stopping: AbortSignal) => Promise<void>) => load().runCommand(work);
const signal = (name: (typeof events)[number], millisecondsLater = 0) => {
  now += millisecondsLater;
  emitter.emit(name);
};

describe('runProgram', () => {
  test('When it has started, then it sends its address to its parent', async () => {
    await expect(run()).resolves.toBe(server);

    expect(sent).toHaveBeenCalledWith({ listening: 'http://localhost:1' });
    expect(exit).not.toHaveBeenCalled();
  });

  test('When it has no parent with a message channel, then it runs', async () => {
    delete process.send;

    await expect(run()).resolves.toBe(server);
  });

  test.each(events)('When %s comes, then it closes and exits with 0', async (event) => {
    await run();

    signal(event);
    expect(close).toHaveBeenCalledTimes(1);
    expect(exit).not.toHaveBeenCalled();
    finishClosing();
    await new Promise(setImmediate);

    expect(exit.mock.calls).toEqual([[0]]);
  });

  test('When a second signal comes later, then it exits at once', async () => {
    await run();

    signal('SIGTERM');
    signal('SIGTERM', 501);

    expect(exit.mock.calls).toEqual([[1]]);
    expect(close).toHaveBeenCalledTimes(1);
  });

  test.each(events)('When %s comes before it listens, then it exits with 0', async (event) => {
    await load().runProgram(() => {
      signal(event);
      return Promise.resolve(server);
    }, []);

    expect(exit.mock.calls).toEqual([[0]]);
    expect(close).not.toHaveBeenCalled();
  });

  test('When it cannot stop, then it says why and exits with 1', async () => {
    close.mockRejectedValue(new Error('unforeseen'));
    await run();

    signal('SIGTERM');
    await new Promise(setImmediate);

    expect(written).toContain('Failed to stop: Error: unforeseen');
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test('When its parent or its reader has ended, then it goes on', async () => {
    await run();

    const emitters: Pick<EventEmitter, 'emit'>[] = [process, process.stdout, process.stderr];
    for (const each of emitters) each.emit('error', new Error('gone'));

    expect(exit).not.toHaveBeenCalled();
  });

  test('When SIGINT comes twice within half a second, then it counts once', async () => {
    await run();

    signal('SIGINT');
    signal('SIGINT', 500);

    expect(exit).not.toHaveBeenCalled();
    expect(close).toHaveBeenCalledTimes(1);
  });

  test('When the parent ends during the stop, then requests in flight finish', async () => {
    await run();

    signal('SIGTERM');
    signal('disconnect', 2_000);

    expect(exit).not.toHaveBeenCalled();
    finishClosing();
    await new Promise(setImmediate);
    expect(exit.mock.calls).toEqual([[0]]);
  });

  test('When the configuration is invalid, then the message is printed without a stack, and the exit code is 1', async () => {
    const { ConfigError } = jest.requireActual<typeof import('../src/config')>('../src/config');

    await load().runProgram(() => Promise.reject(new ConfigError('PORT: is wrong')), []);

    expect(written).toBe('PORT: is wrong\n');
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test('When it fails to start for another reason, then the stack is printed, and the exit code is 1', async () => {
    await load().runProgram(() => Promise.reject(new Error('unforeseen')), []);

    expect(written).toMatch(/^Error: unforeseen\n +at /);
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test('When it starts, then it gets the environment of the process', async () => {
    const start = jest.fn(() => Promise.resolve(server));
    process.env['RUN_PROGRAM_TEST'] = 'here';

    await load().runProgram(start, []);

    delete process.env['RUN_PROGRAM_TEST'];
    expect(start).toHaveBeenCalledWith(expect.objectContaining({ RUN_PROGRAM_TEST: 'here' }));
  });

  test('When npm ends while the program starts, then it stops after the start', async () => {
    jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate'] });
    const parent = jest.replaceProperty(process, 'ppid', 4_711);
    process.env['npm_lifecycle_event'] = 'start';

    await load().runProgram(() => {
      parent.replaceValue(1);
      return Promise.resolve(server);
    }, []);
    jest.advanceTimersByTime(1_000);

    expect(close).toHaveBeenCalledTimes(1);
    jest.useRealTimers();
  });
});

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
  ] as const)('When %s stops it, then the exit code is %d', async (name, exitCode) => {
    await runCommand(async (stopping) => {
      await Promise.resolve();
      signal(name);
      stopping.throwIfAborted();
    });
    await new Promise(setImmediate);

    expect(exit.mock.calls).toEqual([[exitCode]]);
    expect(written).toBe('');
  });

  test.each([
    ['finishes', () => Promise.resolve(), 0],
    ['fails', () => Promise.reject(new Error('refused')), 1],
  ])(
    'When a signal comes, but the command %s, then the exit code is that of the result',
    async (_how, end, exitCode) => {
      await runCommand(async () => {
        await Promise.resolve();
        signal('SIGTERM');
        await end();
      });
      await new Promise(setImmediate);

      expect(exit.mock.calls).toEqual([[exitCode]]);
    },
  );

  test('When a second signal comes later, then it exits at once', async () => {
    void runCommand(() => new Promise(() => undefined));
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);

    signal('SIGINT');
    signal('SIGINT', 501);

    expect(exit.mock.calls).toEqual([[130]]);
  });
});

test('When a file operation hangs, then the exit kills the process after a second', async () => {
  jest.spyOn(process, 'getActiveResourcesInfo').mockReturnValue(['FSReqPromise']);
  const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
  jest.spyOn(performance, 'now').mockImplementation(() => (now += 300));
  const exiting = new Promise<void>((resolve) => {
    exit.mockImplementation(() => {
      const added = emitter.listeners('exit').filter((listener) => !listenersBefore.has(listener));
      for (const listener of added) (listener as () => void)();
      resolve();
    });
  });

  await runCommand(async () => {
    await Promise.resolve();
    signal('SIGTERM');
  });
  await exiting;

  expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']]);
  expect(written).toContain('a file operation does not end');
});
