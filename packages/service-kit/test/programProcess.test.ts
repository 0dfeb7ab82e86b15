import './closedNetwork';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

test('When a process gets SIGTERM with a request in flight, then the request finishes, and it exits with 0', async () => {
  const child = fork(join(__dirname, 'programFixture.mjs'), {
    cwd: join(__dirname, '..'),
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
});

test('When the npm that started a process is killed, then the process stops', async () => {
  const fixture = [join(__dirname, 'programFixture.mjs')];
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
});

describe('When a process stops', () => {
  const start = async (level: string) => {
    const child = fork(join(__dirname, 'programFixture.mjs'), {
      cwd: join(__dirname, '..'),
      env: { PATH: process.env['PATH'], LOG_LEVEL: level },
      silent: true,
    });
    await once(child, 'message');
    return child;
  };

  test('Then its last log line is written', async () => {
    const child = await start('info');
    let written = '';
    child.stdout?.on('data', (chunk) => (written += String(chunk)));

    child.kill('SIGTERM');

    expect(await once(child, 'close')).toEqual([0, null]);
    expect(written).toContain('"msg":"last line"');
  });

  test('Then it also stops if nobody reads its log', async () => {
    // It logs only right before the exit: until then it cannot know that nobody reads.
    const child = await start('warn');
    child.stdout?.destroy();

    child.kill('SIGTERM');

    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
