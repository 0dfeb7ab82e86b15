import { mebibytes, times, whole } from '../format';
import { installOf, readLockfile } from '../install';
import { program, type Recipe, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { summarize } from '../statistics';
import { measureEmulatorStart } from './emulator';

const bare = 'a bare Express 5 app';
const ours = ['our wallet-server', 'our payment-server'];

/** Nobody listens there. No server calls the wallet server before its first request. */
const nowhere = { WALLET_SERVER_URL: 'http://127.0.0.1:9' };

const express = ['express'];
const tutorialWallet = ['express4', 'stytch9', 'helmet', 'cors', 'morgan', 'dotenv'];
/** The packages that are installed in production: those that a folder depends on, or named ones. */
const installs: readonly (readonly [string, string | readonly string[]])[] = [
  ['our wallet-server', 'wallet-server'],
  ['our payment-server', 'payment-server'],
  ["the tutorial's wallet server", tutorialWallet],
  ["the tutorial's payment server", [...tutorialWallet, 'axios', 'node-cache']],
  ['Express 5 alone', express],
  ['Express 5 and express-oauth2-jwt-bearer', [...express, 'express-oauth2-jwt-bearer']],
  ['Express 5 and fast-jwt', [...express, 'fast-jwt']],
];

/** Measures the time from spawn to listening, and the packages that have to be installed. */
export async function measureStartup({ plan, processes, localStytch }: Bench): Promise<Findings> {
  const environment = { ...localStytch.seed, ...nowhere };
  const recipes: [string, Recipe][] = [
    ['our wallet-server', program('wallet-server', environment)],
    ['our payment-server', program('payment-server', environment)],
    [bare, server('walletExpress')],
    ["the tutorial's wallet server", server('walletTutorial', environment)],
    ["the tutorial's payment server", server('paymentTutorial', environment)],
  ];
  const samples = recipes.map((): number[] => []);
  for (let round = 0; round < plan.starts; round += 1) {
    for (const [index, [, recipe]] of recipes.entries()) {
      const running = await processes.start(recipe, { preload: false });
      samples[index]?.push(running.startMilliseconds);
      await running.stop();
    }
  }
  const starts = recipes.map(([name], index) => ({
    name,
    milliseconds: summarize(samples[index] ?? []),
    all: samples[index] ?? [],
  }));
  const emulator = await measureEmulatorStart(plan.starts);
  const lockfile = readLockfile();
  const installed = installs.map(([name, what]) => ({ name, ...installOf(lockfile, what) }));

  const yardstick = starts.find(({ name }) => name === bare)?.milliseconds.median ?? NaN;
  return {
    figures: { starts, emulator, installed },
    tables: [
      {
        title: `start: from spawn to listening, ${plan.starts} each`,
        columns: ['', 'ms', 'min..max', 'of the bare app'],
        rows: starts.map(({ name, milliseconds: { median, min, max } }) => [
          name,
          whole(median),
          `${whole(min)}..${whole(max)}`,
          times(median / yardstick),
        ]),
      },
      {
        title: `startLocalStytch with a signing key, once loaded, ${plan.starts} times`,
        columns: ['', 'ms', 'min..max'],
        rows: [['ready', whole(emulator.median), `${whole(emulator.min)}..${whole(emulator.max)}`]],
      },
      {
        title: 'installed in production',
        columns: ['', 'packages', 'MiB'],
        rows: installed.map(({ name, packages, bytes }) => [name, whole(packages), mebibytes(bytes)]),
        notes: ['The packages are those from the registry. The size includes our own built packages.'],
      },
    ],
    charts: [
      {
        name: 'startup',
        title: 'Start: milliseconds from spawn to listening',
        bars: starts.map(({ name, milliseconds: { median } }) => ({
          label: name,
          value: median,
          text: `${whole(median)} ms`,
          ours: ours.includes(name),
        })),
      },
    ],
    targets: [
      ...starts
        .filter(({ name }) => ours.includes(name))
        .map(({ name, milliseconds }) => ({
          what: `start: ${name} to a bare Express 5 app`,
          measured: milliseconds.median / yardstick,
          limit: 2,
          bound: 'most' as const,
          unit: 'x',
        })),
      {
        what: 'start: startLocalStytch, median',
        measured: emulator.median,
        limit: 150,
        bound: 'most',
        unit: ' ms',
      },
    ],
  };
}
