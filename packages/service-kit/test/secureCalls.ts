import { type AgentOptions, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface SecureAnswer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  json: unknown;
  /** The serial number of the server's certificate. */
  serialNumber: string;
  /** Whether the session of an earlier connection was resumed. */
  resumed: boolean;
}

/** Narrows the type of a socket. */
export function secure(socket: Socket): TLSSocket {
  if (socket instanceof TLSSocket) return socket;
  throw new Error('this is not TLS');
}

/**
 * Sends a GET over TLS, on a new connection unless the options have an agent.
 *
 * @throws when there is no answer: the handshake failed, or the server closed the connection.
 */
export function getSecurely(
  url: string,
  options: AgentOptions & { agent?: unknown; headers?: Record<string, string> },
): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, ...(options as AgentOptions) }, (response) => {
      const socket = secure(response.socket);
      const resumed = socket.isSessionReused();
      const { serialNumber } = socket.getPeerCertificate();
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status, headers } = response;
        resolve({ status, headers, json: JSON.parse(text) as unknown, serialNumber, resumed });
      });
    });
    call.once('error', reject);
    call.end();
  });
}
