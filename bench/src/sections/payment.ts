import { check, waitUntilReady } from '../checks';
import { type Candidate, find, runComparison } from '../comparison';
import { mebibytes } from '../format';
import type { Running } from '../processes';
import { program, type Recipe, server } from '../recipes';
import { type Bench, comparisonChart, comparisonTable, type Findings, mostSocketsOpened } from '../section';

const paid = 'john_doe your payment of 769 to yh809ikol7plo98 was successful!';

const ours = 'ours';
const tutorial = 'the tutorial';
const express = 'Express 5 and node:http by hand';

/** GET /initiate-payment: each payment server with its own wallet server, then alone, against a stub. */
export async function measurePayment(bench: Bench): Promise<Findings> {
  const { plan, send } = bench;
  const together = await Promise.all([startTogether(bench, true), startTogether(bench, false)]);
  const alone = await startAlone(bench);
  const both = await runComparison(together, plan, send);
  const single = await runComparison(alone.candidates, plan, send);
  const all = [...together, ...alone.candidates].flatMap((candidate) => candidate.processes);
  await Promise.all([alone.stub, ...all].map((running) => running.stop()));

  const ratio = (measured: typeof both, name: string) =>
    find(measured, ours).requestsPerSecond.median / find(measured, name).requestsPerSecond.median;
  const memory = (name: string) => Number(mebibytes(find(single, name).memory.afterLoadBytes));
  const sockets = Math.max(mostSocketsOpened(find(both, ours)), mostSocketsOpened(find(single, ours)));
  return {
    figures: { together: both, alone: single },
    tables: [
      comparisonTable('payment, end to end: GET /initiate-payment, each with its own wallet server', both, [
        'CPU and memory are those of both servers.',
      ]),
      comparisonTable(
        'payment server alone: GET /initiate-payment, against a stub of the wallet server',
        single,
      ),
    ],
    charts: [
      comparisonChart('payment', 'Payment: requests/s end to end, with its own wallet server', both),
      comparisonChart('payment-alone', 'Payment server alone: requests/s against a stub', single),
    ],
    targets: [
      {
        what: 'payment: requests/s end to end, ours to the tutorial',
        measured: ratio(both, tutorial),
        limit: 2,
        bound: 'least',
        unit: 'x',
      },
      {
        what: 'payment: requests/s alone, ours to Express 5 and node:http by hand',
        measured: ratio(single, express),
        limit: 0.75,
        bound: 'least',
        unit: 'x',
      },
      {
        what: 'payment: connections opened to the wallet server during a run',
        measured: sockets,
        limit: 0,
        bound: 'most',
        unit: '',
      },
      {
        what: "payment: memory after load, at most the tutorial's",
        measured: memory(ours),
        limit: memory(tutorial),
        bound: 'most',
        unit: ' MiB',
      },
    ],
  };
}

async function startTogether({ processes, localStytch }: Bench, isOurs: boolean): Promise<Candidate> {
  const { seed } = localStytch;
  const wallet = await processes.start(
    isOurs ? program('wallet-server', seed) : server('walletTutorial', seed),
  );
  const environment = { ...seed, WALLET_SERVER_URL: wallet.url };
  const payment = await processes.start(
    isOurs ? program('payment-server', environment) : server('paymentTutorial', environment),
  );
  if (isOurs) await Promise.all([wallet, payment].map(waitUntilReady));
  return checked(isOurs ? ours : tutorial, [payment, wallet], wallet);
}

async function startAlone({ processes, localStytch }: Bench) {
  const stub = await processes.start(server('walletStub'));
  const environment = { ...localStytch.seed, WALLET_SERVER_URL: stub.url };
  const recipes: [string, Recipe][] = [
    [ours, program('payment-server', environment)],
    [tutorial, server('paymentTutorial', environment)],
    [express, server('paymentExpress', environment)],
    ['node:http by hand', server('paymentNodeHttp', environment)],
  ];
  const start = async ([name, recipe]: [string, Recipe]) => {
    const payment = await processes.start(recipe);
    if (name === ours) await waitUntilReady(payment);
    return checked(name, [payment], stub);
  };
  return { stub, candidates: await Promise.all(recipes.map(start)) };
}

async function checked(
  name: string,
  [payment, ...others]: [Running, ...Running[]],
  called: Running,
): Promise<Candidate> {
  const job = { url: `${payment.url}/initiate-payment` };
  await check(job, { status: 200, json: paid });
  return { name, isOurs: name === ours, job, expected: 200, processes: [payment, ...others], called };
}
