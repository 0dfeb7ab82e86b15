import fs from 'node:fs';
import { LogDestination } from '../src/logDestination';

/** No real file descriptor. */
const fd = 1_000_000;

/** How many bytes each write takes, or the code of its error. Further writes take all bytes. */
let outcomes: (number | string)[];
let written: string;
let writes: number;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['performance'] });
  outcomes = [];
  written = '';
  writes = 0;
  jest.spyOn(fs, 'writeSync').mockImplementation((to, data) => {
    expect(to).toBe(fd);
    writes += 1;
    const outcome = outcomes.shift() ?? Infinity;
    if (typeof outcome === 'string') throw Object.assign(new Error(outcome), { code: outcome });
    const taken = (data as unknown as Buffer).subarray(0, outcome);
    written += taken.toString('latin1');
    return taken.length;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** A line of 10 bytes. */
const line = (number: number) => `{"n":${String(number).padStart(3, ' ')}}\n`;
const lines = (...numbers: number[]) => numbers.map(line).join('');
const writeLines = (destination: LogDestination, ...numbers: number[]) => {
  for (const number of numbers) destination.write(line(number));
};

describe('LogDestination', () => {
  test('When several lines are logged in one turn of the event loop, then there is one write', () => {
    const destination = new LogDestination(fd);

    writeLines(destination, 1, 2, 3);
    expect(writes).toBe(0);
    jest.runAllTimers();

    expect(written).toBe(lines(1, 2, 3));
    expect(writes).toBe(1);
  });

  test('When the reader is slow, then lines are buffered, and each is written once', () => {
    const destination = new LogDestination(fd);
    outcomes = [13, 'EAGAIN', 'EAGAIN', 1, 'EAGAIN'];

    writeLines(destination, 1, 2);
    jest.advanceTimersToNextTimer();
    expect(written).toBe(lines(1, 2).slice(0, 13));
    writeLines(destination, 3);
    jest.runAllTimers();

    expect(written).toBe(lines(1, 2, 3));
    expect(destination.droppedLines).toBe(0);
  });

  test('When nobody reads, then the buffer is bounded, and further lines are dropped and counted', () => {
    const destination = new LogDestination(fd, { maxWaitingBytes: 35 });
    outcomes = [5, ...Array<string>(20).fill('EAGAIN')];

    writeLines(destination, 1, 2, 3, 4);
    jest.advanceTimersByTime(100);
    writeLines(destination, 5, 6, 7);
    expect(written).toBe(line(1).slice(0, 5));
    expect(destination.droppedLines).toBe(3);
    jest.runAllTimers();
    writeLines(destination, 8);
    jest.runAllTimers();

    expect(written).toBe(lines(1, 2, 3, 5, 8));
    expect(destination.droppedLines).toBe(3);
  });

  test.each(['EPIPE', 'ENOSPC', 'EIO'])(
    'When a write fails with %s, then its lines are dropped and counted, and later ones are written',
    (code) => {
      const destination = new LogDestination(fd);
      outcomes = [code, code];

      writeLines(destination, 1, 2);
      jest.advanceTimersByTime(1);
      writeLines(destination, 3);
      jest.runAllTimers();
      expect(destination.droppedLines).toBe(3);
      writeLines(destination, 4);
      jest.runAllTimers();

      expect(written).toBe(line(4));
      expect(destination.droppedLines).toBe(3);
    },
  );

  test('When the disk is full in the middle of a line, then the rest of the line is written first', () => {
    const destination = new LogDestination(fd);
    outcomes = [14, 'ENOSPC', 'ENOSPC'];

    writeLines(destination, 1, 2, 3);
    jest.advanceTimersToNextTimer();
    writeLines(destination, 4);
    jest.runAllTimers();
    writeLines(destination, 5);
    jest.runAllTimers();

    expect(written).toBe(lines(1, 2, 5));
    expect(destination.droppedLines).toBe(2);
  });

  test('When the disk stays full, then there are at most ten writes a second', () => {
    const destination = new LogDestination(fd);
    outcomes = Array<string>(1_000).fill('ENOSPC');
    const logForOneSecond = () => {
      for (let i = 0; i < 100; i += 1) {
        writeLines(destination, i);
        jest.advanceTimersByTime(10);
      }
    };

    logForOneSecond();
    writes = 0;
    logForOneSecond();

    expect(writes).toBeLessThanOrEqual(10);
  });

  test('When the process exits, then the buffered lines are written', () => {
    const destination = new LogDestination(fd);
    outcomes = [3, 'EAGAIN', 4];
    writeLines(destination, 1, 2);

    destination.flushSync();

    expect(written).toBe(lines(1, 2));
  });

  test.each([
    ['nobody reads', [3, ...Array<string>(1_000).fill('EAGAIN')]],
    ['the reader has ended', [3, ...Array<string>(1_000).fill('EPIPE')]],
  ])('When the process exits and %s, then the exit waits for at most half a second', (_why, all) => {
    const destination = new LogDestination(fd);
    outcomes = all;
    writeLines(destination, 1, 2);
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => (now += 50));

    destination.flushSync();

    expect(now).toBeLessThanOrEqual(600);
  });
});
