import { readPlan } from '../src/plan';

const read = (...words: string[]) => readPlan(words, 'results');

test('When there are no options, then everything is measured three times for 10 s, and the results are written', () => {
  const { sections, rounds, run, out } = read();

  expect({ sections, rounds, run, out }).toEqual({
    sections: [
      'wallet',
      'parts',
      'tls',
      'latency',
      'traces',
      'console',
      'payment',
      'tokens',
      'flood',
      'startup',
      'library',
    ],
    rounds: 3,
    run: { seconds: 10 },
    out: 'results',
  });
});

test.each([[['--quick']], [['--only', 'wallet']]])(
  'When %j makes a run partial, then it does not replace the results of a full run',
  (words) => {
    expect(read(...words).out).toBeUndefined();
    expect(read(...words, '--out', 'elsewhere').out).toBe('elsewhere');
  },
);

test('When sections, rounds and seconds are given, then they are used', () => {
  const { sections, rounds, run } = read('--only', 'tokens,wallet', '--rounds', '1', '--seconds', '2.5');

  expect({ sections, rounds, run }).toEqual({
    sections: ['wallet', 'tokens'],
    rounds: 1,
    run: { seconds: 2.5 },
  });
});

test.each([
  [['--only', 'wallet,walet'], 'there is no section walet'],
  [['--seconds', 'ten'], '--seconds must be a number above 0'],
  [['--rounds', '0'], '--rounds must be a whole number above 0'],
  [['--rounds', '1.5'], '--rounds must be a whole number above 0'],
  [['--fast'], "Unknown option '--fast'"],
])('When the command line is %j, then it is rejected: %s', (words, message) => {
  expect(() => read(...words)).toThrow(message);
});
