export interface Bar {
  label: string;
  value: number;
  /** The text at the end of the bar. */
  text: string;
  /** Whether it is highlighted, because it is one of our programs. */
  ours: boolean;
}

export interface Chart {
  /** The file name without its extension. */
  name: string;
  title: string;
  bars: readonly Bar[];
}

/** Pixels. */
const size = { width: 760, label: 250, text: 190, top: 44, row: 30, bar: 20 };

/** Renders horizontal bars as SVG, with colours for light and dark pages. */
export function renderChart({ title, bars }: Omit<Chart, 'name'>): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const height = size.top + bars.length * size.row + 8;
  const widest = size.width - size.label - size.text;
  const rows = bars.map(({ label, value, text, ours }, index) => {
    const y = size.top + index * size.row;
    const width = Math.max(1, Math.round((value / most) * widest));
    const middle = y + size.bar / 2 + 4;
    return [
      `  <text x="${size.label - 8}" y="${middle}" text-anchor="end"${ours ? ' class="strong"' : ''}>${escape(label)}</text>`,
      `  <rect x="${size.label}" y="${y}" width="${width}" height="${size.bar}" rx="2" class="${ours ? 'ours' : 'bar'}"/>`,
      `  <text x="${size.label + width + 8}" y="${middle}"${ours ? ' class="strong"' : ''}>${escape(text)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${height}" viewBox="0 0 ${size.width} ${height}" role="img" aria-label="${escape(title)}">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .strong { font-weight: 600; }
    .title { font-size: 15px; font-weight: 600; }
    .bar { fill: #9198a1; }
    .ours { fill: #0969da; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .bar { fill: #656c76; }
      .ours { fill: #4493f8; }
    }
  </style>
  <text x="8" y="24" class="title">${escape(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
