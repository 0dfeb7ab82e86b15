import { readPlan } from '../src/plan';

const read = (...words: string[]) => readPlan(words, 'results');

test('When nothing is said, then all is measured, three times 10 s, and written', () => {
  const { sections, rounds, run, out } = read();

  expect({ sections, rounds, run, out }).toEqual({
    sections: ['wallet', 'payment', 'tokens', 'flood', 'startup'],
    rounds: 3,
    run: { seconds: 10 },
    out: 'results',
  });
});

test.each([[['--quick']], [['--only', 'wallet']]])(
  'When a run is told to be less than whole by %j, then it does not replace the results of a whole one',
  (words) => {
    expect(read(...words).out).toBeUndefined();
    expect(read(...words, '--out', 'elsewhere').out).toBe('elsewhere');
  },
);

test('When sections, rounds and seconds are given, then it is those', () => {
  const { sections, rounds, run } = read('--only', 'tokens,wallet', '--rounds', '1', '--seconds', '2.5');

  expect({ sections, rounds, run }).toEqual({
    sections: ['wallet', 'tokens'],
    rounds: 1,
    run: { seconds: 2.5 },
  });
});

test.each([
  [['--only', 'wallet,walet'], 'no section is called walet'],
  [['--seconds', 'ten'], '--seconds must be a number above 0'],
  [['--rounds', '0'], '--rounds must be a whole number above 0'],
  [['--rounds', '1.5'], '--rounds must be a whole number above 0'],
  [['--fast'], "Unknown option '--fast'"],
])('When the command line is %j, then it is refused: %s', (words, message) => {
  expect(() => read(...words)).toThrow(message);
});
