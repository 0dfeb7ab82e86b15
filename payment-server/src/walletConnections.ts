import { type TlsMaterial, tlsOptions, type TlsSource } from 'service-kit';
import { type Dispatcher, Pool } from 'undici';

export interface WalletConnectionsOptions {
  /** Whom to trust and what to show, where the address is https. Default: the usual CAs, and nothing. */
  tls?: TlsSource | undefined;
  /** How long a connection may take to come about. Milliseconds. */
  timeoutMilliseconds: number;
}

/** The connections to the wallet-server, which are kept. New certificates count for new ones. */
export class WalletConnections {
  #pool: Pool;

  /** @param origin scheme, host and port of the wallet-server. */
  constructor(origin: string, { tls, timeoutMilliseconds: timeout }: WalletConnectionsOptions) {
    const connect = (material: TlsMaterial | undefined) =>
      new Pool(origin, {
        connections: 256,
        connect: { timeout, minVersion: 'TLSv1.2', ...(material && tlsOptions(material)) },
      });
    this.#pool = connect(tls?.current);
    tls?.onChange((material) => {
      const earlier = this.#pool;
      this.#pool = connect(material);
      void earlier.close(); // Once what is in flight has its answer.
    });
  }

  get current(): Dispatcher {
    return this.#pool;
  }
}
