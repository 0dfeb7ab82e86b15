import { backOff } from '../src/stytch/backOff';

afterEach(() => {
  jest.restoreAllMocks();
});

test.each([
  [1, 200],
  [2, 400],
  [3, 800],
  [5, 2_000],
  [5_000, 2_000],
])(
  'When %d tries have failed, then the wait is at most %d ms and at least a tenth of that',
  (tries, longest) => {
    const random = jest.spyOn(Math, 'random');

    random.mockReturnValue(0);
    const least = backOff(tries, 200, 2_000);
    random.mockReturnValue(1);
    const most = backOff(tries, 200, 2_000);

    expect(least).toBeCloseTo(longest / 10);
    expect(most).toBeCloseTo(longest);
  },
);
