import { resolve } from 'node:path';
import { Gauge, type Registry } from 'prom-client';
import { ConfigError } from './config';
import type { Logger } from './logger';
import {
  checkTlsTexts,
  readTlsTexts,
  type TlsCredentials,
  type TlsSettings,
  type TlsTexts,
  whyOpenSslRefuses,
} from './tlsCredentials';

/** How often the files are looked at. Kubernetes changes them by a symbolic link, of which a watch tells nothing. */
const defaultIntervalMilliseconds = 5_000;

/** What is good, or all that is wrong. */
type Examined = { credentials: TlsCredentials } | { problems: string[] };

/**
 * Reads certificate, key and CA, once.
 *
 * @returns undefined when the settings name none.
 * @throws ConfigError that lists all that is wrong, each with its setting and its file: missing or unreadable,
 *   not PEM, expired or not yet valid, a key of another certificate, a CA that is none.
 */
export async function readTlsCredentials(settings: TlsSettings): Promise<TlsCredentials | undefined> {
  if (settings.TLS_CERT_FILE === undefined) return undefined;
  const examined = await examine(settings);
  if ('credentials' in examined) return examined.credentials;
  throw new ConfigError(
    [
      'These files cannot be used for TLS:',
      ...examined.problems.map((problem) => `  ${problem}`),
      'For development, "npm run certs" at the root of the project makes good ones.',
    ].join('\n'),
  );
}

/** @param known what need not be looked at again: a set that was found good before. */
async function examine(settings: TlsSettings, known?: TlsCredentials): Promise<Examined> {
  const problems = new Map<keyof TlsSettings, string>();
  const tell = (setting: keyof TlsSettings, problem: string) => {
    // One for each file: what else is wrong with it may well come of the first.
    if (problems.has(setting)) return;
    problems.set(setting, `${setting}: ${resolve(settings[setting] ?? '')} ${problem}`);
  };
  const texts = await readTlsTexts(settings, tell);
  if (known && isSame(texts, known)) return { credentials: known };
  const expiresAt = checkTlsTexts(texts, tell);
  const refusal = problems.size > 0 ? undefined : whyOpenSslRefuses(texts);
  if (refusal !== undefined) tell('TLS_CERT_FILE', refusal);
  if (problems.size === 0) return { credentials: { ...texts, expiresAt } };
  // In the order of the settings, whichever file was read first.
  const settingNames = ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] as const;
  return { problems: settingNames.flatMap((setting) => problems.get(setting) ?? []) };
}

function isSame(one: TlsTexts, other: TlsTexts): boolean {
  return one.cert === other.cert && one.key === other.key && one.ca === other.ca;
}

export interface TlsFilesOptions {
  logger: Logger;
  /** Gets the gauge `tls_certificate_expiry_timestamp_seconds`. Default: none does. */
  registry?: Registry;
  /** How often the files are looked at. Milliseconds, default 5,000. */
  intervalMilliseconds?: number;
}

/** What a client or a server needs of `TlsFiles`. */
export type TlsSource = Pick<TlsFiles, 'current' | 'onChange'>;

/**
 * Certificate, key and CA from files, which are followed: when they change, the new set is taken over as a
 * whole, if it is good; else the earlier one stays, and the files are looked at again.
 */
export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #logger: Logger;
  readonly #listeners: ((credentials: TlsCredentials) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #current: TlsCredentials;
  /** What was last told about files that cannot be used, so that it is told once. */
  #told = '';
  #looking = false;

  private constructor(settings: TlsSettings, current: TlsCredentials, options: TlsFilesOptions) {
    const { logger, registry, intervalMilliseconds = defaultIntervalMilliseconds } = options;
    this.#settings = settings;
    this.#current = current;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.#look(), intervalMilliseconds).unref();
    if (registry) this.#observe(registry);
    logger.info({ expires: current.expiresAt }, 'certificate read');
  }

  /**
   * Reads the files, and follows them until `stop`.
   *
   * @returns undefined when the settings name none.
   * @throws ConfigError as `readTlsCredentials` does.
   */
  static async open(settings: TlsSettings, options: TlsFilesOptions): Promise<TlsFiles | undefined> {
    const credentials = await readTlsCredentials(settings);
    return credentials && new TlsFiles(settings, credentials, options);
  }

  /** The set that counts now. */
  get current(): TlsCredentials {
    return this.#current;
  }

  /** @param listener gets each new set, once it counts. */
  onChange(listener: (credentials: TlsCredentials) => void): void {
    this.#listeners.push(listener);
  }

  /** The files are not followed any more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // A file system that hangs is not asked the same again.
    if (this.#looking) return;
    this.#looking = true;
    try {
      const examined = await examine(this.#settings, this.#current);
      if ('problems' in examined) this.#warn(examined.problems);
      else if (examined.credentials === this.#current) this.#told = '';
      else this.#takeOver(examined.credentials);
    } catch (error) {
      this.#warn([(error as Error).message]);
    } finally {
      this.#looking = false;
    }
  }

  #takeOver(credentials: TlsCredentials): void {
    this.#current = credentials;
    this.#told = '';
    for (const listener of this.#listeners) listener(credentials);
    this.#logger.info({ expires: credentials.expiresAt }, 'certificates taken over');
  }

  #warn(problems: readonly string[]): void {
    const told = problems.join();
    if (told === this.#told) return;
    this.#told = told;
    this.#logger.warn({ problems }, 'certificates changed but cannot be used: the earlier ones stay');
  }

  #observe(registry: Registry): void {
    const expiresAt = () => this.#current.expiresAt;
    new Gauge({
      name: 'tls_certificate_expiry_timestamp_seconds',
      help: 'When the certificate in use ends, in seconds since 1970',
      registers: [registry],
      collect() {
        this.set(expiresAt().getTime() / 1_000);
      },
    });
  }
}
