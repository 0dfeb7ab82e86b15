import { renderChart } from '../src/chart';
import { renderTable } from '../src/table';
import { isMet, renderTargets, type Target } from '../src/target';

test('When a table is rendered, then names are aligned to the left and numbers to the right', () => {
  const text = renderTable({
    title: 'wallet',
    columns: ['candidate', 'requests/s'],
    rows: [
      ['ours', '9,000'],
      ['a longer name', '12'],
    ],
    notes: ['Read on.'],
  });

  expect(text.split('\n')).toEqual([
    'wallet',
    '',
    'candidate      requests/s',
    '-------------  ----------',
    'ours                9,000',
    'a longer name          12',
    '  Read on.',
    '',
  ]);
});

describe('A chart', () => {
  const bar = { label: 'ours', value: 100, text: '100 a second', ours: true };
  const widths = (svg: string) =>
    [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));

  test('When one value is half of another, then its bar is half as wide', () => {
    const [whole, half] = widths(renderChart({ title: 'Wallet', bars: [bar, { ...bar, value: 50 }] }));

    expect(half).toBe(whole! / 2);
  });

  test('When all values are 0, then there are still bars', () => {
    expect(widths(renderChart({ title: 'Tokens', bars: [{ ...bar, value: 0 }] }))).toEqual([1]);
  });

  test('When a label contains SVG syntax, then it is text in the chart', () => {
    const svg = renderChart({ title: 'a < b & "c"', bars: [{ ...bar, label: '<script>' }] });

    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toContain('<script>');
  });
});

describe('A target', () => {
  const target: Target = { what: 'ours to theirs', measured: 0.95, limit: 0.9, bound: 'least', unit: 'x' };

  test.each([
    [{ ...target }, true],
    [{ ...target, measured: 0.9 }, true],
    [{ ...target, measured: 0.89 }, false],
    [{ ...target, bound: 'most' as const }, false],
    [{ ...target, bound: 'most' as const, measured: 0.9 }, true],
    [{ ...target, measured: NaN }, false],
  ])('When it is %j, then met is %j', (given, met) => {
    expect(isMet(given)).toBe(met);
  });

  test('When it is rendered, then the line has the result, the figure and the limit', () => {
    const text = renderTargets([target, { ...target, measured: 3, limit: 2, bound: 'most' }]);

    expect(text).toBe(
      'met      ours to theirs  0.95x (at least 0.90x)\nNOT MET  ours to theirs  3x (at most 2x)',
    );
  });
});
