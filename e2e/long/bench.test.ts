import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../tools/src/program';
import { until } from '../helpers/calls';

interface Comparison {
  name: string;
  runs: { answered: number }[];
}

interface Results {
  sections: {
    wallet: { figures: Comparison[] };
    parts: { figures: Comparison[] };
    tls: { figures: { kept: Comparison[]; handshakes: (Comparison & { runs: { resumed: number }[] })[] } };
    latency: { figures: { measured: Comparison[] } };
    payment: { figures: { together: Comparison[]; alone: Comparison[] } };
    tokens: {
      figures: { isOurs: boolean; cold: number; hour: number; short: number; shortPayments: number }[];
    };
    flood: { figures: { cpu: Comparison[]; memory: { heapBytes: { before: number; after: number } } } };
    startup: {
      figures: { starts: { milliseconds: { median: number } }[]; installed: { packages: number }[] };
    };
  };
}

jest.setTimeout(120_000);

describe('npm run bench -- --quick', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  let output = '';
  let results: Results;

  beforeAll(async () => {
    const bench = runBench('--quick', '--out', folder);
    const exitCode = await bench.ended;
    output = bench.output();
    if (exitCode !== 0) throw new Error(output);
    const file = readdirSync(folder).find((name) => /^\d{4}-\d\d-\d\d\.json$/.test(name))!;
    results = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Results;
  });

  test('When it ends, then every candidate of every section has answered all requests', () => {
    const { wallet, parts, tls, latency, payment, flood } = results.sections;
    const comparisons = [
      ...[wallet.figures, parts.figures, tls.figures.kept, tls.figures.handshakes, latency.figures.measured],
      ...[payment.figures.together, payment.figures.alone, flood.figures.cpu],
    ];

    expect(comparisons.map((comparison) => comparison.length)).toEqual([7, 11, 3, 4, 3, 2, 4, 4]);
    for (const { runs } of comparisons.flat()) expect(runs.map(({ answered }) => answered)).toEqual([100]);
  });

  test('When each request has a TLS handshake, then sessions are resumed only where they should be', () => {
    const resumed = results.sections.tls.figures.handshakes.map(({ runs }) => runs[0]!.resumed);

    expect(resumed.map((count) => count > 0)).toEqual([false, true, false, true]);
  });

  test('When the cache is cold, then all callers of our server share one token request', () => {
    const { figures } = results.sections.tokens;

    expect(figures).toHaveLength(4);
    expect(figures.find(({ isOurs }) => isOurs)).toMatchObject({
      cold: 1,
      hour: 0,
      short: 1,
      shortPayments: 20,
    });
  });

  test('When a server is started, then the results have its start time and its installed packages', () => {
    const { starts, installed } = results.sections.startup.figures;

    expect(starts).toHaveLength(5);
    for (const { milliseconds } of starts) expect(milliseconds.median).toBeGreaterThan(0);
    for (const { packages } of installed) expect(packages).toBeGreaterThan(50);
  });

  test('When it is a smoke run, then there are tables and charts, and no targets', () => {
    const charts = readdirSync(folder).filter((name) => name.endsWith('.svg'));

    for (const title of [
      'wallet: ',
      'parts: ',
      'tls: ',
      'latency: ',
      'payment, end to end: ',
      'tokens: ',
      'forged tokens: ',
      'start: ',
    ]) {
      expect(output).toContain(`\n${title}`);
    }
    expect(output).not.toMatch(/\bmet\b/i);
    expect(charts.sort()).toEqual([
      'forged.svg',
      'payment-alone.svg',
      'payment.svg',
      'startup.svg',
      'tokens.svg',
      'wallet.svg',
    ]);
    for (const chart of charts)
      expect(readFileSync(join(folder, chart), 'utf8')).toMatch(/^<svg[^]*<\/svg>\n$/);
  });

  test('The results do not identify the machine', () => {
    const everything = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));

    for (const text of everything) {
      expect(text).not.toContain(root);
      expect(text).not.toContain(folder);
    }
  });
});

test('When Ctrl-C is pressed in the middle, then every process that was started ends', async () => {
  const bench = runBench('--quick', '--only', 'payment');
  const children = () => childrenOf(bench.process.pid!);
  const started = await until('servers are running', () => children().length >= 4 && children());

  bench.process.kill('SIGINT');

  expect(await bench.ended).toBe(130);
  await until('none of them is running', () => started.every((pid) => !isRunning(pid)));
});

function runBench(...words: string[]) {
  const bench = spawn(process.execPath, [join(root, 'bench', 'dist', 'main.js'), ...words]);
  let output = '';
  for (const stream of [bench.stdout, bench.stderr])
    stream.on('data', (piece: Buffer) => (output += String(piece)));
  const ended = new Promise<number | null>((resolve) => bench.once('close', resolve));
  return { process: bench, ended, output: () => output };
}

/** The process ids of the children of a process. */
function childrenOf(parent: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent)
    .map(([pid]) => pid!);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
