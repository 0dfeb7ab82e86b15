import { type Candidate, countAnswers, runComparison, runFineComparison } from '../src/comparison';
import { readPlan } from '../src/plan';
import type { Running } from '../src/processes';
import type { LoadJob, LoadResult } from '../src/protocol';

const plan = readPlan(['--quick', '--rounds', '2'], '');
const answers: LoadResult = {
  statuses: { '200': 100 },
  errors: 0,
  seconds: 0.5,
  latency: { p50: 1, p99: 2 },
};

/** A process each look at which finds 1,000 us of CPU, and one connection, more than the last. */
function process(): Running {
  let looks = 0;
  const usage = () => {
    looks += 1;
    return Promise.resolve({
      cpuMicroseconds: looks * 1_000,
      rssBytes: 5,
      heapBytes: 0,
      socketsAccepted: looks,
    });
  };
  return { name: '', url: '', startMilliseconds: 0, seed: {}, usage, stop: () => Promise.resolve() };
}

function candidate(name: string): Candidate {
  const job = { url: name };
  return { name, isOurs: false, job, expected: 200, processes: [process(), process()], called: process() };
}

test('When there are several rounds, then each measures all candidates, each after a warm-up', async () => {
  const sent: string[] = [];
  const send = ([job]: LoadJob[]) => {
    sent.push(`${job!.url} ${JSON.stringify(job!.amount)}`);
    return Promise.resolve([answers]);
  };

  const measured = await runComparison([candidate('one'), candidate('other')], plan, send);

  const round = [
    'one {"requests":10}',
    'one {"requests":100}',
    'other {"requests":10}',
    'other {"requests":100}',
  ];
  expect(sent).toEqual([...round, ...round]);
  expect(measured[0]!.requestsPerSecond).toEqual({ median: 200, min: 200, max: 200 });
  // 1,000 us in each of two processes, for 100 answers.
  expect(measured[0]!.cpuMicroseconds.median).toBe(20);
  expect(measured[0]!.runs.map(({ socketsOpened }) => socketsOpened)).toEqual([1, 1]);
  expect(measured[0]!.memory).toEqual({ idleBytes: 10, afterLoadBytes: 10 });
});

test('When a candidate has several processes, then a round is the median of theirs', async () => {
  const started: string[] = [];
  const start = (name: string) => () => {
    started.push(name);
    // The first process of a candidate needs 20 us of CPU for an answer, the second 40, the third 60.
    const copy = started.filter((one) => one === name).length;
    const processes = Array.from({ length: 2 * copy }, process);
    return Promise.resolve({ ...candidate(name), processes });
  };
  // The first process takes 0.5 s for 100 answers, the second 1 s, the third 2 s.
  const seconds = [0.5, 1, 2];
  let sent = 0;
  const send = () => {
    // A warm-up and a run of each of two candidates, then of their next processes.
    const copy = Math.floor(sent / 4) % 3;
    sent += 1;
    return Promise.resolve([{ ...answers, seconds: seconds[copy]! }]);
  };

  const measured = await runFineComparison(
    [start('one'), start('other')],
    3,
    { ...plan, quick: false },
    send,
  );

  expect(started).toEqual(['one', 'other', 'one', 'other', 'one', 'other']);
  expect(measured.map(({ name }) => name)).toEqual(['one', 'other']);
  expect(measured[0]!.runs).toHaveLength(7);
  expect(measured[0]!.requestsPerSecond).toEqual({ median: 100, min: 100, max: 100 });
  expect(measured[0]!.cpuMicroseconds).toEqual({ median: 40, min: 40, max: 40 });
  expect(measured[0]!.memory).toEqual({ idleBytes: 20, afterLoadBytes: 20 });
});

test.each([
  [{ statuses: { '200': 99, '500': 1 } }],
  [{ statuses: { '401': 100 } }],
  [{ statuses: {} }],
  [{ errors: 1 }],
])('When a run came to %j, then it does not count', (wrong) => {
  expect(() => countAnswers({ name: 'one', expected: 200 }, { ...answers, ...wrong })).toThrow(
    'one: expected 200',
  );
});
