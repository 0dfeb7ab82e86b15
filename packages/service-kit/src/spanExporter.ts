import type { Client } from 'undici';
import type { Logger } from './logger';
import { otlpBody, type SpanRecord } from './otlpBody';

/** How many spans wait at most. Further ones are dropped. */
const maxWaiting = 2_048;
const maxBatch = 512;
// Milliseconds.
const exportMilliseconds = 5_000;
const stopMilliseconds = 2_000;
/** Before the only retry. */
const pauseMilliseconds = 1_000;
/** The receiver may accept the same request later (OTLP/HTTP, "Retryable Response Codes"). */
const transientStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface SpanExporterOptions {
  /** The name of the service. */
  service: string;
  /** The whole URL. */
  url: string;
  headers: Readonly<Record<string, string>>;
  /** How often spans are sent. Milliseconds. */
  delayMilliseconds: number;
  logger: Logger;
}

/**
 * Sends spans over OTLP/HTTP in JSON, one batch at a time. A batch that cannot be sent within 5 s is dropped. The first of
 * several failures in a row is logged, and the end of them.
 */
export class SpanExporter {
  readonly #options: SpanExporterOptions;
  #client: Client | undefined;
  #waiting: SpanRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #abort = new AbortController();
  #failing = false;
  #stopped = false;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  add(span: SpanRecord): void {
    if (this.#stopped || this.#waiting.length >= maxWaiting) return;
    this.#waiting.push(span);
    if (this.#sending) return;
    if (this.#waiting.length >= maxBatch) this.#startBatch();
    else this.#timer ??= setTimeout(this.#startBatch, this.#options.delayMilliseconds).unref();
  }

  /** Sends the rest of the spans. Takes at most 2 s. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const timer = setTimeout(() => {
      this.#waiting = [];
      this.#abort.abort();
    }, stopMilliseconds);
    this.#startBatch();
    while (this.#sending) await this.#sending;
    clearTimeout(timer);
    await this.#client?.destroy();
  }

  readonly #startBatch = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending || this.#waiting.length === 0) return;
    this.#sending = this.#sendBatch(this.#waiting.splice(0, maxBatch)).then(() => {
      this.#sending = undefined;
      if (this.#stopped || this.#waiting.length >= maxBatch) this.#startBatch();
      else if (this.#waiting.length > 0) {
        this.#timer = setTimeout(this.#startBatch, this.#options.delayMilliseconds).unref();
      }
    });
  };

  async #sendBatch(spans: readonly SpanRecord[]): Promise<void> {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const timer = setTimeout(() => {
      this.#abort.abort();
    }, exportMilliseconds).unref();
    const body = otlpBody(this.#options.service, spans);
    let failure = await this.#post(body, signal);
    if (typeof failure === 'string' || transientStatuses.has(failure ?? 0)) {
      await pause(signal);
      if (!signal.aborted) failure = await this.#post(body, signal);
    }
    clearTimeout(timer);
    this.#report(failure);
  }

  /** Returns undefined if it succeeds, or else the status or the code of the error. */
  async #post(body: string, signal: AbortSignal): Promise<number | string | undefined> {
    const { origin, pathname: path } = new URL(this.#options.url);
    const headers = { ...this.#options.headers, 'content-type': 'application/json' };
    try {
      const client = (this.#client ??= await openClient(origin));
      signal.throwIfAborted();
      // A signal passed to undici would have no effect until the connection is open.
      const abort = () => {
        this.#client = undefined;
        void client.destroy();
      };
      signal.addEventListener('abort', abort);
      const answer = await client.request({ method: 'POST', path, headers, body });
      // The status decides: a batch that was accepted must not be sent again because the body breaks.
      await answer.body.dump();
      if (signal.aborted) return 'timeout';
      return answer.statusCode >= 200 && answer.statusCode < 300 ? undefined : answer.statusCode;
    } catch (error) {
      return signal.aborted ? 'timeout' : ((error as NodeJS.ErrnoException).code ?? 'unknown');
    }
  }

  #report(failure: number | string | undefined): void {
    const { logger } = this.#options;
    const failing = failure !== undefined;
    if (failing && !this.#failing) logger.warn({ code: failure }, 'traces are not exported');
    if (!failing && this.#failing) logger.info('traces are exported again');
    this.#failing = failing;
  }
}

/**
 * Loads undici, only where tracing is on. bench/README.md compares it with node:http, which slows the server down, and with
 * `fetch`, which takes four times as long.
 */
async function openClient(origin: string): Promise<Client> {
  const { Client } = await import('undici');
  return new Client(origin, { connect: { timeout: exportMilliseconds } });
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, pauseMilliseconds).unref();
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
    if (signal.aborted) resolve();
  });
}
