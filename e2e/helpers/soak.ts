import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import autocannon, { type Load, type Options, type Result } from 'autocannon';
import type { Program } from '../../tools/src/program';
import { paid } from './calls';

const preload = pathToFileURL(join(__dirname, 'reportHeap.mjs')).href;

/** The environment of a program whose memory is measured: it preloads reportHeap.mjs. */
export const memoryReporting = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${preload}` };

/** Makes payments on 50 connections for some seconds, each without a pause unless `options` limit the rate. */
export function payUnderLoad({ url }: Program, seconds: number, options: Partial<Options> = {}): Load {
  return autocannon({
    url: `${url}/initiate-payment`,
    connections: 50,
    duration: seconds,
    expectBody: JSON.stringify(paid.code),
    ...options,
  });
}

/** Expects that a load made more than 10 payments a second and that none failed. */
export function expectAllPaid(result: Result, seconds: number): void {
  const { non2xx, errors, timeouts, mismatches } = result;
  expect({ non2xx, errors, timeouts, mismatches }).toEqual({
    non2xx: 0,
    errors: 0,
    timeouts: 0,
    mismatches: 0,
  });
  expect(result['2xx']).toBeGreaterThan(seconds * 10);
}
