import { runDemo } from '../../tools/src/demo';
import type { Stack } from '../../tools/src/stack';

const stopReason = new Error('stopped');

describe('npm run demo', () => {
  test('When everything works, then every step has the outcome that the article describes', async () => {
    const lines: string[] = [];

    await runDemo((line) => lines.push(line));

    expect(lines.at(-1)).toBe('All steps match the article.');
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines.length).toBeGreaterThan(15);
  });

  test('When it runs over mutual TLS, then callers without the right certificate are refused, and the rest is the same', async () => {
    const lines: string[] = [];

    await runDemo((line) => lines.push(line), undefined, true);

    expect(lines.at(-1)).toBe('All steps match the article.');
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines[0]).not.toContain('http:');
    expect(lines.join('\n')).toMatch(/got no connection\n[^]*got 403 client_not_allowed\n/);
  });

  test('When it is stopped in the middle, then every program that it started ends', async () => {
    const stopping = new AbortController();
    let stack: Stack | undefined;

    const demo = runDemo(
      () => {
        stopping.abort(stopReason);
      },
      (started) => {
        stack = started;
      },
      false,
      stopping.signal,
    );

    await expect(demo).rejects.toBe(stopReason);
    expect(stack?.programs.map((program) => program.process.exitCode)).toEqual([0, 0, 0]);
  });

  test('When the wallet-server is killed in the middle, then the demo fails with a message that says why', async () => {
    let stack: Stack | undefined;

    const demo = runDemo(
      (line) => {
        if (line.startsWith('ok  search for the client as the operator'))
          stack?.wallet.process.kill('SIGKILL');
      },
      (started) => {
        stack = started;
      },
    );

    await expect(demo).rejects.toThrow(
      /wallet-server ended unexpectedly \(SIGKILL\)|"make the payment" has an unexpected outcome/,
    );
  });
});
