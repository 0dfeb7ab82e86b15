import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { startHttpServer } from './httpServer';

/** How long the proxy skips a replica that it could not reach. Milliseconds. */
const skipMilliseconds = 1_000;

/** Headers that apply to one connection only (RFC 9110 §7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);

export interface RoundRobin {
  url: string;
  /** The number of requests that each replica has answered, by its address. */
  answered: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/**
 * Starts a proxy that sends each request to the next replica, over keep-alive connections. It does not retry: when
 * a connection breaks, the answer is 502.
 */
export async function startRoundRobin(replicas: readonly string[]): Promise<RoundRobin> {
  const agent = new Agent({ keepAlive: true });
  const answered = new Map(replicas.map((replica) => [replica, 0]));
  const skippedUntil = new Map<string, number>();
  let turn = 0;

  const next = (): string => {
    for (let tries = 0; tries < replicas.length; tries += 1) {
      const replica = replicas[turn++ % replicas.length]!;
      if ((skippedUntil.get(replica) ?? 0) <= Date.now()) return replica;
    }
    return replicas[turn++ % replicas.length]!;
  };

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const replica = next();
    const { method, headers, url } = incoming;
    const options = { agent, method, headers } as const;
    const forwarded = request(new URL(url ?? '/', replica), options as object, (response) => {
      answered.set(replica, (answered.get(replica) ?? 0) + 1);
      const endToEnd = Object.entries(response.headers).filter(([name]) => !hopByHop.has(name));
      outgoing.writeHead(response.statusCode ?? 502, Object.fromEntries(endToEnd));
      response.pipe(outgoing);
      response.once('error', () => outgoing.destroy());
    });
    forwarded.once('error', () => {
      skippedUntil.set(replica, Date.now() + skipMilliseconds);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end();
    });
    incoming.pipe(forwarded);
  };

  const { url, stop } = await startHttpServer(forward);
  return {
    url,
    answered,
    stop: async () => {
      agent.destroy();
      await stop();
    },
  };
}
