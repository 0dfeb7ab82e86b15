import { check } from '../checks';
import { type Candidate, type Measured, runComparison } from '../comparison';
import { whole } from '../format';
import { program } from '../recipes';
import type { Bench, Findings } from '../section';
import type { Table } from '../table';
import { createTlsFolder, type TlsFolder } from '../tlsFolder';
import { wallet, walletJob } from './wallet';

/** Handshakes take long: fewer of them are enough to warm up. */
const handshakeWarmUp = { requests: 500 };

/** Our wallet-server over plain HTTP, TLS and mutual TLS: on kept connections, and with a handshake for each request. */
export async function measureTls(bench: Bench): Promise<Findings> {
  const folder = await createTlsFolder();
  try {
    return await measure(bench, folder);
  } finally {
    folder.remove();
  }
}

async function measure({ plan, processes, localStytch, send }: Bench, folder: TlsFolder): Promise<Findings> {
  const accessToken = await localStytch.accessToken();
  const { serverOnly, mutual, client } = folder;
  const start = async (name: string, settings = {}, tls?: Candidate['job']['tls']): Promise<Candidate> => {
    const running = await processes.start(program('wallet-server', { ...localStytch.seed, ...settings }));
    const job = { ...walletJob(running.url, accessToken), ...(tls && { tls }) };
    if (!tls) await check(job, { status: 200, json: wallet });
    return { name, isOurs: true, job, expected: 200, processes: [running] };
  };
  const plain = await start('plain HTTP');
  const secure = await start('TLS', serverOnly, { ca: client.ca });
  const both = await start('mutual TLS', mutual, client);
  const withHandshakes = [secure, both].flatMap((candidate) =>
    (['full', 'resumed'] as const).map((handshakes) => ({
      ...candidate,
      name: `${candidate.name}, ${handshakes === 'full' ? 'full handshake' : 'resumed session'}`,
      job: { ...candidate.job, handshakes },
    })),
  );
  const kept = await runComparison([plain, secure, both], plan, send);
  const handshakePlan = plan.quick ? plan : { ...plan, warmUp: handshakeWarmUp };
  const handshakes = await runComparison(withHandshakes, handshakePlan, send);
  await Promise.all([plain, secure, both].flatMap(({ processes: all }) => all.map((one) => one.stop())));
  return {
    figures: { kept, handshakes },
    tables: [
      table('tls: our wallet-server, on kept connections', kept),
      table('tls: our wallet-server, with a TLS handshake for each request', handshakes),
    ],
    charts: [],
    targets: [],
  };
}

function table(title: string, measured: readonly Measured[]): Table {
  return {
    title,
    columns: ['', 'CPU us/request', 'min..max', 'requests/s', 'resumed'],
    rows: measured.map(({ name, cpuMicroseconds: { median, min, max }, requestsPerSecond, runs }) => [
      name,
      whole(median),
      `${whole(min)}..${whole(max)}`,
      whole(requestsPerSecond.median),
      whole(runs.reduce((sum, { resumed = 0 }) => sum + resumed, 0)),
    ]),
  };
}
