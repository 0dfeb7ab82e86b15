import { EventEmitter } from 'node:events';
import { createLogger, type Logger } from '../src/index';

/** Part of every secret in the tests. */
export const secretMark = 'keep-this-out-of-logs';

/** A marked secret, a JWT, or an `Authorization` header. */
const secrets = new RegExp(`${secretMark}|eyJ[\\w-]{8,}\\.|Bearer \\S|Basic \\S`, 'i');

export interface LogLine {
  level: number;
  msg: string;
  req?: { id: string; method: string; path: string };
  res?: { status: number };
  [field: string]: unknown;
}

const everyLine: string[] = [];

export interface TestLogger {
  logger: Logger;
  lines: LogLine[];
  /** Resolves with the first line from now on that matches. */
  logged: (matches: (line: LogLine) => boolean) => Promise<LogLine>;
}

/** A logger that collects its lines. At the end of each suite they are searched for secrets. */
export function createTestLogger(): TestLogger {
  const lines: LogLine[] = [];
  const arrivals = new EventEmitter();
  const logger = createLogger(
    { name: 'test', level: 'trace' },
    {
      write: (text) => {
        const line = JSON.parse(text) as LogLine;
        everyLine.push(text);
        lines.push(line);
        arrivals.emit('line', line);
      },
    },
  );
  const logged: TestLogger['logged'] = (matches) =>
    new Promise((resolve) => {
      const look = (line: LogLine) => {
        if (!matches(line)) return;
        arrivals.off('line', look);
        resolve(line);
      };
      arrivals.on('line', look);
    });
  return { logger, lines, logged };
}

afterAll(() => {
  expect(everyLine.filter((line) => secrets.test(line))).toEqual([]);
});
