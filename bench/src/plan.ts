import { parseArgs } from 'node:util';
import type { Amount } from './protocol';

export const sectionNames = [
  'wallet',
  'parts',
  'tls',
  'latency',
  'traces',
  'console',
  'payment',
  'tokens',
  'flood',
  'startup',
  'library',
] as const;

export type SectionName = (typeof sectionNames)[number];

/** The sections and the amount of load. */
export interface Plan {
  quick: boolean;
  sections: readonly SectionName[];
  /** The folder for the results. Undefined if they are only printed. */
  out: string | undefined;
  connections: number;
  rounds: number;
  run: Amount;
  warmUp: Amount;
  shortTokenSeconds: number;
  /** The load with tokens that live `shortTokenSeconds`, and with tokens that live an hour. */
  shortTokenLoad: Amount;
  hourTokenLoad: Amount;
  coldCallers: number;
  forgedTokens: number;
  starts: number;
  /** Calls of each function of stytch-m2m in a round. */
  libraryCalls: number;
}

const full = {
  connections: 50,
  /** A number of requests, because a duration would abort the last ones and so close connections, which are counted. */
  warmUp: { requests: 5_000 },
  shortTokenSeconds: 5,
  shortTokenLoad: { seconds: 60 },
  hourTokenLoad: { seconds: 10 },
  coldCallers: 1_000,
  forgedTokens: 20_000,
  starts: 10,
  libraryCalls: 100_000,
};
/** Numbers of requests, because a busy machine may answer none in a part of a second. */
const quick = {
  ...full,
  connections: 10,
  warmUp: { requests: 10 },
  shortTokenLoad: { requests: 20 },
  hourTokenLoad: { requests: 20 },
  coldCallers: 30,
  forgedTokens: 200,
  starts: 1,
  libraryCalls: 100,
};

export const usage = `npm run bench -- [options]
  --quick             a smoke run: 100 requests each, no targets, results only with --out
  --only <sections>   some of ${sectionNames.join(',')}; results only with --out
  --rounds <number>   runs of each candidate; default 3
  --seconds <number>  duration of each run; default 10
  --out <folder>      folder for the results; default bench/results
`;

/**
 * Reads the command line.
 *
 * @param defaultOut the folder for the results of a full run.
 * @throws TypeError for an unknown option, RangeError for an invalid value.
 */
export function readPlan(arguments_: readonly string[], defaultOut: string): Plan {
  const { values } = parseArgs({
    args: [...arguments_],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const isWhole = !values.quick && values.only === undefined;
  return {
    ...(values.quick ? quick : full),
    quick: values.quick,
    sections: readSections(values.only),
    out: values.out ?? (isWhole ? defaultOut : undefined),
    rounds: wholeNumber('rounds', values.rounds ?? (values.quick ? '1' : '3')),
    run:
      values.quick && values.seconds === undefined
        ? { requests: 100 }
        : { seconds: positive('seconds', values.seconds ?? '10') },
  };
}

/** An amount as text for a table. */
export function describeAmount(amount: Amount): string {
  return 'seconds' in amount ? `${amount.seconds} s` : `${amount.requests} requests`;
}

function readSections(only: string | undefined): readonly SectionName[] {
  if (only === undefined) return sectionNames;
  const wanted = only.split(',');
  const unknown = wanted.filter((name) => !(sectionNames as readonly string[]).includes(name));
  if (unknown.length > 0) throw new RangeError(`there is no section ${unknown.join(', ')}`);
  return sectionNames.filter((name) => wanted.includes(name));
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name} must be a whole number above 0`);
  return value;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} must be a number above 0`);
  return value;
}
