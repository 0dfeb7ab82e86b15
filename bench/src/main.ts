import 'service-kit/earlySignals';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from 'service-kit';
import { root } from '../../tools/dist/program';
import { renderChart } from './chart';
import { readLockfile, versionOf } from './install';
import { LocalStytch } from './localStytch';
import { describeMachine, loadAverage } from './machine';
import { type Plan, readPlan, type SectionName, usage } from './plan';
import { Processes } from './processes';
import type { Bench, Findings } from './section';
import { measureConsole } from './sections/console';
import { measureFlood } from './sections/flood';
import { measureLatency } from './sections/latency';
import { measureLibrary } from './sections/library';
import { measureParts } from './sections/parts';
import { measurePayment } from './sections/payment';
import { measureStartup } from './sections/startup';
import { measureTls } from './sections/tls';
import { measureTokens } from './sections/tokens';
import { measureTraces } from './sections/traces';
import { measureWallet } from './sections/wallet';
import { renderTable } from './table';
import { renderTargets } from './target';

const measures: Record<SectionName, (bench: Bench) => Promise<Findings>> = {
  wallet: measureWallet,
  parts: measureParts,
  tls: measureTls,
  latency: measureLatency,
  traces: measureTraces,
  console: measureConsole,
  payment: measurePayment,
  tokens: measureTokens,
  flood: measureFlood,
  startup: measureStartup,
  library: measureLibrary,
};
/** The packages whose versions are written to the results. */
const packages = [
  ...['express', 'stytch', 'axios', 'autocannon', 'express-oauth2-jwt-bearer', 'fast-jwt'],
  ...['express4', 'stytch9', 'helmet', 'cors', 'morgan', 'node-cache'],
];

interface Section {
  loadAverage: { before: number; after: number };
  findings: Findings;
}

async function runSections(plan: Plan, processes: Processes): Promise<Map<SectionName, Section>> {
  const send = await processes.startLoad();
  const localStytch = await LocalStytch.start(processes);
  const sections = new Map<SectionName, Section>();
  for (const name of plan.sections) {
    const before = loadAverage();
    const findings = await measures[name]({ plan, processes, localStytch, send });
    const section = { loadAverage: { before, after: loadAverage() }, findings };
    sections.set(name, section);
    process.stdout.write(`${findings.tables.map(renderTable).join('\n')}\n`);
    process.stdout.write(`load average ${before} before, ${section.loadAverage.after} after\n\n`);
  }
  return sections;
}

/** Writes the figures as JSON and the charts as SVG. They do not identify the machine. */
function writeResults(
  folder: string,
  date: string,
  plan: Omit<Plan, 'out'>,
  sections: Map<SectionName, Section>,
) {
  const lockfile = readLockfile();
  const results = {
    date,
    machine: describeMachine(),
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(lockfile, name)])),
    plan,
    sections: Object.fromEntries(
      [...sections].map(([name, { loadAverage: load, findings }]) => [
        name,
        { loadAverage: load, targets: findings.targets, figures: findings.figures },
      ]),
    ),
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${date}.json`), `${JSON.stringify(results, null, 2)}\n`);
  for (const chart of [...sections.values()].flatMap(({ findings }) => findings.charts)) {
    writeFileSync(join(folder, `${chart.name}.svg`), renderChart(chart));
  }
}

async function run(plan: Plan, processes: Processes): Promise<void> {
  const { cpu, cores, memoryGibibytes, node } = describeMachine();
  process.stdout.write(`${cpu}, ${cores} cores, ${memoryGibibytes} GiB, Node ${node}\n\n`);
  const sections = await runSections(plan, processes);
  if (!plan.quick) {
    const targets = [...sections.values()].flatMap(({ findings }) => findings.targets);
    process.stdout.write(`${renderTargets(targets)}\n`);
  }
  const { out, ...rest } = plan;
  if (out !== undefined) writeResults(out, new Date().toISOString().slice(0, 10), rest, sections);
}

/** @throws Error with the usage when the command line is wrong. */
function readCommandLine(): Plan {
  try {
    return readPlan(process.argv.slice(2), join(root, 'bench', 'results'));
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`, { cause: error });
  }
}

async function main(signal: AbortSignal): Promise<void> {
  const plan = readCommandLine();
  const processes = new Processes();
  try {
    await Promise.race([run(plan, processes), once(signal, 'abort')]);
    signal.throwIfAborted();
  } finally {
    await processes.stop();
  }
}

void runCommand(main);
