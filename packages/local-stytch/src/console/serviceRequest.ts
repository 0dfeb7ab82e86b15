import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Service } from './services';

const timeoutMilliseconds = 30_000;
const maxBytes = 1_000_000;

export interface ServiceRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
}

export interface ServiceAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The first 1 MB. */
  body: string;
}

/**
 * Sends a request to a service. It follows no redirect. It uses `node:http`, because `fetch` refuses some ports, among
 * them 6000.
 *
 * @throws Error when there is no whole answer within 30 s.
 */
export async function sendToService(service: Service, request: ServiceRequest): Promise<ServiceAnswer> {
  const { hostname, port, protocol } = new URL(service.url);
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  const options = {
    ...(await readTls(service)),
    // The host is the service's: a path cannot change it.
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: request.path,
    method: request.method,
    headers: request.headers,
    agent: false,
    signal,
  };
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = (protocol === 'https:' ? httpsRequest : httpRequest)(options, resolve);
      outgoing.once('error', reject);
      outgoing.end(request.body);
    });
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await readBody(answer) };
  } catch (error) {
    throw signal.aborted ? new Error('There was no answer within 30 s.', { cause: error }) : error;
  }
}

async function readBody(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection.
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString();
}

async function readTls({ ca, certificate, key }: Service) {
  const read = async (file: string | undefined) => (file === undefined ? undefined : readFile(file, 'utf8'));
  const [caText, cert, keyText] = await Promise.all([ca, certificate, key].map(read));
  return { ...(caText && { ca: caText }), ...(cert && { cert }), ...(keyText && { key: keyText }) };
}
