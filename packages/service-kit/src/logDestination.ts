import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { DestinationStream } from 'pino';

/** How many bytes are buffered for a slow reader. */
const maxWaitingBytes = 1_048_576;
/** How long an exit waits for a slow reader. Milliseconds. */
const exitMilliseconds = 500;
/** The longest pause between two attempts to write. Milliseconds. */
const maxPauseMilliseconds = 100;

const nothing = Buffer.alloc(0);
const newline = 0x0a;

/**
 * Writes log lines to a file descriptor. It never blocks on a reader, and it buffers at most 1 MiB. It drops and counts
 * the lines that cannot be written (nobody reads, or the disk is full), and recovers when a write succeeds again. A line
 * is written whole or not at all.
 *
 * pino's own destination retries EPIPE and ENOSPC forever when the process exits, and it writes in libuv's threads, for
 * which an exit waits.
 */
export class LogDestination implements DestinationStream {
  readonly #fd: number;
  readonly #maxWaitingBytes: number;
  /** Lines of which no byte is written yet. */
  #lines: string[] = [];
  /** The rest of the lines that were passed to the last write. */
  #rest = nothing;
  /** Whether `#rest` starts in the middle of a line. */
  #midLine = false;
  #waitingBytes = 0;
  #droppedLines = 0;
  #scheduled = false;
  #pauseMilliseconds = 1;

  /** @param fd must not block. `openStandardOutput` finds such a descriptor. */
  constructor(fd: number, options: { maxWaitingBytes?: number } = {}) {
    this.#fd = fd;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? maxWaitingBytes;
  }

  /** How many lines were dropped since the start. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  /** @param line ends with a newline. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      this.#droppedLines += 1;
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // One system call for all lines of one turn of the event loop.
    setImmediate(this.#attempt);
  }

  /** Writes the buffered lines before an exit. Blocks for at most 500 ms. */
  flushSync(): void {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + exitMilliseconds;
    while (!this.#writeWaiting() && this.#waitingBytes > 0 && performance.now() < deadline) {
      Atomics.wait(clock, 0, 0, 5);
    }
  }

  readonly #attempt = () => {
    this.#scheduled = false;
    if (this.#writeWaiting()) return;
    this.#scheduled = true;
    setTimeout(this.#attempt, this.#pauseMilliseconds).unref();
    this.#pauseMilliseconds = Math.min(2 * this.#pauseMilliseconds, maxPauseMilliseconds);
  };

  /** Returns false if a write failed. The next attempt then needs a pause. */
  #writeWaiting(): boolean {
    try {
      while (this.#waitingBytes > 0) {
        if (this.#rest.length === 0) {
          this.#rest = Buffer.from(this.#lines.join(''));
          this.#lines = [];
        }
        const written = writeSync(this.#fd, this.#rest);
        this.#midLine = this.#rest[written - 1] !== newline;
        this.#rest = this.#rest.subarray(written);
        this.#waitingBytes -= written;
        this.#pauseMilliseconds = 1;
      }
      return true;
    } catch (error) {
      // EAGAIN: the reader is slow. Any other error may last, so its lines are dropped and counted now.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#dropWaiting();
      return false;
    }
  }

  /** Drops all lines, except the rest of a line that is partly written: the next line must not follow its beginning. */
  #dropWaiting(): void {
    const kept = this.#midLine ? this.#rest.subarray(0, this.#rest.indexOf(newline) + 1) : nothing;
    const dropped = this.#rest.subarray(kept.length);
    this.#droppedLines += this.#lines.length + dropped.toString('latin1').split('\n').length - 1;
    this.#lines = [];
    this.#rest = kept;
    this.#waitingBytes = kept.length;
  }
}

let standardOutput: LogDestination | undefined;

/** Returns the log destination for standard output, which all loggers of this process share. An exit flushes it. */
export function openStandardOutput(): LogDestination {
  if (!standardOutput) {
    const opened = new LogDestination(nonBlocking(process.stdout.fd));
    process.on('exit', () => {
      opened.flushSync();
    });
    standardOutput = opened;
  }
  return standardOutput;
}

/**
 * Returns a non-blocking file descriptor for the same output. Pipes and terminals are opened again (on Linux), because
 * other processes share the O_NONBLOCK flag of the original and can clear it. Files have no reader. Node makes the rest
 * non-blocking when `process.stdout` is used.
 */
function nonBlocking(fd: number): number {
  if (!isatty(fd) && !fstatSync(fd).isFIFO()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd; // No /proc, or not allowed.
  }
}
