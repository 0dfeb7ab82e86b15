import { Gauge, type Registry } from 'prom-client';
import { ConfigError, type TlsSettings } from './config';
import type { Logger } from './logger';
import { loadTlsCredentials, type TlsCredentials } from './tlsCredentials';

/**
 * Reads certificate, key and CA once.
 *
 * @returns undefined when the settings name no certificate.
 * @throws ConfigError that lists every invalid file with its setting: it does not exist, is unreadable, is not PEM,
 *   has expired, is not valid yet, does not match the certificate, or is no CA.
 */
export async function readTlsCredentials(settings: TlsSettings): Promise<TlsCredentials | undefined> {
  if (settings.TLS_CERT_FILE === undefined) return undefined;
  const loaded = await loadTlsCredentials(settings);
  if ('credentials' in loaded) return loaded.credentials;
  throw new ConfigError(
    [
      'These TLS files are invalid:',
      ...loaded.problems.map((problem) => `  ${problem}`),
      'For development, "npm run certs" at the root of the project makes valid ones.',
    ].join('\n'),
  );
}

interface TlsFilesOptions {
  logger: Logger;
  /** Gets the gauge `tls_certificate_expiry_timestamp_seconds`. Default: no gauge. */
  registry?: Registry;
  /** How often the files are read. Milliseconds, default 5,000. */
  intervalMilliseconds?: number;
}

/** The part of `TlsFiles` that clients and servers use. */
export type TlsSource = Pick<TlsFiles, 'current' | 'onChange'>;

/**
 * Certificate, key and CA from files. Changed files are reloaded together. If one of them is invalid, the current
 * credentials stay in use, and the files are read again at the next interval. The files are polled, because a watch
 * misses how Kubernetes replaces them: through a symbolic link.
 */
export class TlsFiles {
  readonly #listeners: ((credentials: TlsCredentials) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #current: TlsCredentials;
  /** The problems in the last warning, so that each is logged once. */
  #warned = '';
  #reading = false;

  private constructor(
    private readonly settings: TlsSettings,
    current: TlsCredentials,
    private readonly logger: Logger,
    intervalMilliseconds: number,
  ) {
    this.#current = current;
    this.#timer = setInterval(() => void this.#reload(), intervalMilliseconds).unref();
    logger.info({ expires: current.expiresAt }, 'TLS certificates loaded');
  }

  /**
   * Reads the files, then polls them until `stop`.
   *
   * @returns undefined when the settings name no certificate.
   * @throws ConfigError as `readTlsCredentials` does.
   */
  static async open(
    settings: TlsSettings,
    { logger, registry, intervalMilliseconds = 5_000 }: TlsFilesOptions,
  ): Promise<TlsFiles | undefined> {
    const credentials = await readTlsCredentials(settings);
    if (!credentials) return undefined;
    const files = new TlsFiles(settings, credentials, logger, intervalMilliseconds);
    if (registry) observeExpiry(files, registry);
    return files;
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  /** @param listener is called with the credentials after each reload. */
  onChange(listener: (credentials: TlsCredentials) => void): void {
    this.#listeners.push(listener);
  }

  /** Stops polling. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #reload(): Promise<void> {
    // While a read hangs, no second one is started.
    if (this.#reading) return;
    this.#reading = true;
    try {
      const loaded = await loadTlsCredentials(this.settings, this.#current);
      if ('problems' in loaded) this.#warn(loaded.problems);
      else this.#use(loaded.credentials);
    } catch (error) {
      this.#warn([(error as Error).message]);
    } finally {
      this.#reading = false;
    }
  }

  #use(credentials: TlsCredentials): void {
    this.#warned = '';
    if (credentials === this.#current) return;
    this.#current = credentials;
    for (const listener of this.#listeners) listener(credentials);
    this.logger.info({ expires: credentials.expiresAt }, 'TLS certificates reloaded');
  }

  #warn(problems: readonly string[]): void {
    const warning = problems.join();
    if (warning === this.#warned) return;
    this.#warned = warning;
    this.logger.warn({ problems }, 'TLS certificates not reloaded: the new files are invalid');
  }
}

function observeExpiry(files: TlsFiles, registry: Registry): void {
  new Gauge({
    name: 'tls_certificate_expiry_timestamp_seconds',
    help: 'When the current TLS certificate expires, in seconds since 1970',
    registers: [registry],
    collect() {
      this.set(files.current.expiresAt.getTime() / 1_000);
    },
  });
}
