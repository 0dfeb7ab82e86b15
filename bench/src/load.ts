/** The load generator. It runs as a process and sends the requests that the parent process asks for, with parallel jobs. */
import { randomBytes, randomUUID } from 'node:crypto';
import autocannon, { type Request } from 'autocannon';
import { runByHand } from './loadByHand';
import type { LoadJob, LoadResult, Question } from './protocol';

process.on('message', ({ id, ask }: Question<LoadJob[]>) => {
  void Promise.all(ask.map(run)).then((answer) => process.send?.({ id, answer }));
});
process.once('disconnect', () => process.exit());
process.send?.({ listening: '' });

async function run(job: LoadJob): Promise<LoadResult> {
  if (job.handshakes || job.requestsPerSecond !== undefined) return runByHand(job);
  const { url, method, headers, body, connections, badTokens, amount, tls } = job;
  const request = {
    ...(method && { method }),
    ...(headers && { headers }),
    ...(body !== undefined && { body }),
  };
  const result = await autocannon({
    url,
    connections,
    timeout: 30,
    sampleInt: 50,
    ...(tls && { tlsOptions: tls }),
    ...('seconds' in amount ? { duration: amount.seconds } : { amount: amount.requests }),
    ...request,
    ...(badTokens && { requests: [{ ...request, setupRequest: badTokenSetter(badTokens) }] }),
  });
  return {
    statuses: Object.fromEntries(
      Object.entries(result.statusCodeStats).map(([status, { count }]) => [status, count]),
    ),
    errors: result.errors,
    seconds: result.duration,
    latency: { p50: result.latency.p50, p99: result.latency.p99 },
  };
}

function badTokenSetter({ kind, model }: NonNullable<LoadJob['badTokens']>) {
  const next = kind === 'forged' ? forger(model) : () => randomBytes(400).toString('base64url');
  return (request: Request) => ({
    ...request,
    headers: { ...request.headers, Authorization: `Bearer ${next()}` },
  });
}

/** Makes tokens with the header, the claims and the length of the model, a new id and a random signature. */
function forger(model: string): () => string {
  const [header = '', payload = ''] = model.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  return () => {
    const forged = Buffer.from(JSON.stringify({ ...claims, jti: randomUUID() })).toString('base64url');
    return `${header}.${forged}.${randomBytes(256).toString('base64url')}`;
  };
}
