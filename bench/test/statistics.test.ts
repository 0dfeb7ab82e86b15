import { summarize } from '../src/statistics';

test.each([
  [[3, 1, 2], { median: 2, min: 1, max: 3 }],
  [[4, 1, 2, 10], { median: 3, min: 1, max: 10 }],
  [[7], { median: 7, min: 7, max: 7 }],
])('When the runs gave %j, then median and spread are %j', (values, expected) => {
  expect(summarize(values)).toEqual(expected);
});

test('When there was no run, then there is no median', () => {
  expect(() => summarize([])).toThrow(RangeError);
});
