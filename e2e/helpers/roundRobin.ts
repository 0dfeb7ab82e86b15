import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { startHttpServer } from './httpServer';

/** How long a replica that could not be reached is passed over, in milliseconds. */
const passOver = 1_000;

/** Headers that are about one connection only (RFC 9110 §7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);

export interface RoundRobin {
  url: string;
  /** How many requests each replica has answered, by its address. */
  answered: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/**
 * A proxy as it stands before replicas: each request goes to the next of them, on connections that are kept.
 * It hides nothing: a replica that breaks off costs the request, which is answered 502.
 */
export async function startRoundRobin(replicas: readonly string[]): Promise<RoundRobin> {
  const agent = new Agent({ keepAlive: true });
  const answered = new Map(replicas.map((replica) => [replica, 0]));
  const passedOverUntil = new Map<string, number>();
  let turn = 0;

  const next = (): string => {
    for (let looked = 0; looked < replicas.length; looked += 1) {
      const replica = replicas[turn++ % replicas.length]!;
      if ((passedOverUntil.get(replica) ?? 0) <= Date.now()) return replica;
    }
    return replicas[turn++ % replicas.length]!;
  };

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const replica = next();
    const { method, headers, url } = incoming;
    const options = { agent, method, headers } as const;
    const onward = request(new URL(url ?? '/', replica), options as object, (response) => {
      answered.set(replica, (answered.get(replica) ?? 0) + 1);
      const passedOn = Object.entries(response.headers).filter(([name]) => !hopByHop.has(name));
      outgoing.writeHead(response.statusCode ?? 502, Object.fromEntries(passedOn));
      response.pipe(outgoing);
      response.once('error', () => outgoing.destroy());
    });
    onward.once('error', () => {
      passedOverUntil.set(replica, Date.now() + passOver);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end();
    });
    incoming.pipe(onward);
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
