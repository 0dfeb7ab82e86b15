import './closedNetwork';
import { fork, spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import type { RunningServer } from '../src/index';

describe('runProgram', () => {
  const events = ['SIGINT', 'SIGTERM', 'disconnect'] as const;
  const emitter: Pick<EventEmitter, 'emit' | 'listeners' | 'off'> = process;
  const allEvents = [...events, 'error', 'exit'] as const;
  const listenersBefore = new Set(allEvents.flatMap((event) => emitter.listeners(event)));
  const channel: unknown = Reflect.get(process, 'send');
  const lifecycleEvent = process.env['npm_lifecycle_event'];
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
    jest.resetModules(); // A process is asked to stop once.
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
    Reflect.set(process, 'send', channel);
    if (lifecycleEvent === undefined) delete process.env['npm_lifecycle_event'];
    else process.env['npm_lifecycle_event'] = lifecycleEvent;
    jest.restoreAllMocks();
  });

  const load = () => jest.requireActual<typeof import('../src/program')>('../src/program');
  const run = () => load().runProgram(() => Promise.resolve(server), []);
  const signal = (name: (typeof events)[number], millisecondsLater = 0) => {
    now += millisecondsLater;
    emitter.emit(name);
  };

  test('When it has started, then it tells its parent where it listens', async () => {
    await expect(run()).resolves.toBe(server);

    expect(sent).toHaveBeenCalledWith({ listening: 'http://localhost:1' });
    expect(exit).not.toHaveBeenCalled();
  });

  test('When it has no parent with a channel, then it runs all the same', async () => {
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

  test('When a second signal comes later, then it ends at once', async () => {
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

  test('When its parent or its reader is gone, then it goes on', async () => {
    await run();

    const emitters: Pick<EventEmitter, 'emit'>[] = [process, process.stdout, process.stderr];
    for (const each of emitters) each.emit('error', new Error('gone'));

    expect(exit).not.toHaveBeenCalled();
  });

  test('When SIGINT comes twice within half a second, then it is one', async () => {
    await run();

    signal('SIGINT');
    signal('SIGINT', 500);

    expect(exit).not.toHaveBeenCalled();
    expect(close).toHaveBeenCalledTimes(1);
  });

  test('When the parent goes while it is stopping, then what is in flight still finishes', async () => {
    await run();

    signal('SIGTERM');
    signal('disconnect', 2_000);

    expect(exit).not.toHaveBeenCalled();
    finishClosing();
    await new Promise(setImmediate);
    expect(exit.mock.calls).toEqual([[0]]);
  });

  test('When the configuration does not let it start, then it is told without a stack, and the exit code is 1', async () => {
    const { ConfigError } = jest.requireActual<typeof import('../src/config')>('../src/config');

    await load().runProgram(() => Promise.reject(new ConfigError('PORT: is wrong')), []);

    expect(written).toBe('PORT: is wrong\n');
    expect(exit.mock.calls).toEqual([[1]]);
  });

  test('When it fails to start for another reason, then the stack is told, and the exit code is 1', async () => {
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

  test('When npm goes while the program starts, then it closes once it has started', async () => {
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

test('When a real process gets SIGTERM with a request in flight, then the request finishes and it exits with 0', async () => {
  const child = fork(join(__dirname, 'programFixture.ts'), {
    cwd: join(__dirname, '..'),
    execArgv: ['-C', 'source', '-r', 'ts-node/register'],
    env: { PATH: process.env['PATH'] },
  });
  const exited = once(child, 'exit');
  const [{ listening }] = (await once(child, 'message')) as [{ listening: string }];
  const held = fetch(`${listening}/hold`);
  await once(child, 'message');

  child.kill('SIGTERM');
  await fetch(`${listening}/release`, { method: 'POST' });

  expect(await (await held).json()).toBe('held');
  expect(await exited).toEqual([0, null]);
}, 30_000);

test('When npm is killed that started a process, then the process stops', async () => {
  const fixture = ['-C', 'source', '-r', 'ts-node/register', join(__dirname, 'programFixture.ts')];
  const npm = `require('node:child_process').spawn(process.execPath, ${JSON.stringify(fixture)}, { stdio: 'inherit' })`;
  const parent = spawn(process.execPath, ['-e', npm], {
    cwd: join(__dirname, '..'),
    env: { PATH: process.env['PATH'], npm_lifecycle_event: 'start', LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(parent.stdout, 'close');
  let written = '';
  for await (const chunk of parent.stdout) {
    written += String(chunk);
    if (!parent.killed && written.includes('listening')) parent.kill('SIGKILL');
  }
  await closed;

  expect(written).toContain('"msg":"stopping"');
}, 30_000);

describe('When a real process is told to stop', () => {
  const start = async (level: string) => {
    const child = fork(join(__dirname, 'programFixture.ts'), {
      cwd: join(__dirname, '..'),
      execArgv: ['-C', 'source', '-r', 'ts-node/register'],
      env: { PATH: process.env['PATH'], LOG_LEVEL: level },
      silent: true,
    });
    await once(child, 'message');
    return child;
  };

  test('Then what it logs last is written', async () => {
    const child = await start('info');
    let written = '';
    child.stdout?.on('data', (chunk) => (written += String(chunk)));

    child.kill('SIGTERM');

    expect(await once(child, 'close')).toEqual([0, null]);
    expect(written).toContain('"msg":"last line"');
  }, 30_000);

  test('Then it stops also if nobody reads its log any more', async () => {
    // The first lines are those right before the exit: that nobody reads is not known before.
    const child = await start('warn');
    child.stdout?.destroy();

    child.kill('SIGTERM');

    expect(await once(child, 'exit')).toEqual([0, null]);
  }, 30_000);
});
