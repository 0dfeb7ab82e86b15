import { check, waitUntilReady } from '../checks';
import { type Candidate, find, runComparison } from '../comparison';
import { whole } from '../format';
import type { Running } from '../processes';
import { program, server } from '../recipes';
import type { Bench, Findings } from '../section';
import { median } from '../statistics';

/** The fewest rounds of a full run: a page costs little, compared with the noise of one run. */
const fewestRounds = 7;

const closed = 'no page';
const open = 'one open page';

/** A payment with the three programs of `npm start`, and every trace: what an open page of the console costs them. */
export async function measureConsole({ plan, processes, send }: Bench): Promise<Findings> {
  const pages: Running[] = [];
  const start = async (name: string): Promise<Candidate> => {
    const localStytch = await processes.start(program('local-stytch'));
    const { seed, url } = localStytch;
    const settings = { ...seed, OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/local`, OTEL_BSP_SCHEDULE_DELAY: '200' };
    const wallet = await processes.start(program('wallet-server', settings));
    const payment = await processes.start(
      program('payment-server', { ...settings, WALLET_SERVER_URL: wallet.url }),
    );
    await Promise.all([wallet, payment].map(waitUntilReady));
    if (name === open) pages.push(await processes.start(server('openPage', { CONSOLE_URL: url })));
    const job = { url: `${payment.url}/initiate-payment` };
    await check(job, { status: 200 });
    return { name, isOurs: true, job, expected: 200, processes: [payment, wallet, localStytch] };
  };
  const candidates = [await start(closed), await start(open)];
  const rounds = plan.quick ? plan.rounds : Math.max(plan.rounds, fewestRounds);
  const measured = await runComparison(candidates, { ...plan, rounds }, send);
  const running = candidates.flatMap(({ processes: all }) => all);
  await Promise.all([...pages, ...running].map((one) => one.stop()));

  const without = find(measured, closed).runs;
  const more =
    100 *
    median(
      find(measured, open).runs.map(
        (run, round) => run.cpuMicroseconds / (without[round]?.cpuMicroseconds ?? NaN) - 1,
      ),
    );
  return {
    figures: measured,
    tables: [
      {
        title: `console: a payment with every trace sent to local-stytch, median of ${rounds} rounds`,
        columns: ['', 'CPU us/payment', 'min..max', 'payments/s'],
        rows: measured.map(({ name, cpuMicroseconds, requestsPerSecond }) => [
          name,
          whole(cpuMicroseconds.median),
          `${whole(cpuMicroseconds.min)}..${whole(cpuMicroseconds.max)}`,
          whole(requestsPerSecond.median),
        ]),
        notes: ['CPU is that of the payment-server, the wallet-server and local-stytch.'],
      },
    ],
    charts: [],
    targets: [
      {
        what: 'console: more CPU of a payment with an open page',
        measured: more,
        limit: 5,
        bound: 'most',
        unit: ' %',
      },
    ],
  };
}
