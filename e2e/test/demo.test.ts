import { runDemo } from '../../scripts/src/demo';
import type { Stack } from '../../scripts/src/stack';

describe('npm run demo', () => {
  test('When all is well, then every step goes as the article tells', async () => {
    const lines: string[] = [];

    await runDemo((line) => lines.push(line));

    expect(lines.at(-1)).toBe('Everything went as the article tells.');
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines.length).toBeGreaterThan(15);
  });

  test('When the wallet-server is killed half-way, then it fails with a line that says why', async () => {
    let stack: Stack | undefined;

    const demo = runDemo(
      (line) => {
        if (line.startsWith('ok  search the client as the operator')) stack?.wallet.process.kill('SIGKILL');
      },
      (started) => {
        stack = started;
      },
    );

    await expect(demo).rejects.toThrow(
      /wallet-server ended unexpectedly \(SIGKILL\)|"make the payment" went otherwise/,
    );
  });
});
