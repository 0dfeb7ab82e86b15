import { useEffect, useRef, useState } from 'preact/hooks';
import { Scrollable } from '../components/Scrollable';
import { formatCount, formatDuration } from '../format';
import type { Diagram, Row } from './diagram';
import { halfBox, layOut, type PlacedArrow, type PlacedNote } from './layout';

const signs = { succeeded: '✓', refused: '✕', failed: '✕' };

/** Draws a diagram. Screen readers get the same rows as a list. */
export function DiagramView({ diagram, name }: { diagram: Diagram; name: string }) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const layout = layOut(diagram, width, describeRow);
  return (
    <div ref={box}>
      <Scrollable label="Sequence diagram" class="diagram">
        <svg
          role="img"
          aria-label={`Sequence diagram of ${name}. The list after it says the same.`}
          width={layout.width}
          height={layout.height}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
        >
          {layout.participants.map(({ participant, x, label }) => (
            <g key={participant.id}>
              <line class="lifeline" x1={x} x2={x} y1={layout.top - 8} y2={layout.bottom} />
              <rect class="participant" x={x - halfBox} y={8} width={2 * halfBox} height={32} rx={8} />
              <text class="participant-name" x={x} y={29} text-anchor="middle">
                {label}
              </text>
            </g>
          ))}
          {layout.activations.map(({ key, x, top, bottom }) => (
            <rect key={key} class="activation" x={x - 3.5} y={top} width={7} height={bottom - top} rx={2} />
          ))}
          {layout.rows.map((placed) =>
            'lines' in placed ? (
              <NoteBox key={placed.row.key} {...placed} />
            ) : (
              <Arrow key={placed.row.key} {...placed} />
            ),
          )}
        </svg>
      </Scrollable>
      {layout.leftOut > 0 && <p class="hint">{formatCount(layout.leftOut)} more rows are not drawn.</p>}
      <ol class="hidden" aria-label={`Messages of ${name}`}>
        {diagram.rows.slice(0, layout.rows.length).map((row) => (
          <li key={row.key}>{`${sentenceOf(row)}, at ${formatDuration(row.atMilliseconds)}`}</li>
        ))}
      </ol>
    </div>
  );
}

function Arrow({ row, y, x1, x2, label }: PlacedArrow) {
  const outcome = row.kind === 'return' ? row.outcome : 'succeeded';
  const toSelf = x1 === x2;
  const direction = x2 > x1 ? 1 : -1;
  const start = x1 + 4 * direction;
  const end = toSelf ? x1 + 5 : x2 - 5 * direction;
  const tip = toSelf ? -1 : direction;
  return (
    <g class={`arrow ${row.kind} ${outcome}`}>
      <Time y={y} row={row} />
      {toSelf ? (
        <path class="line" d={`M${x1 + 4} ${y - 10}h28v10H${end}`} />
      ) : (
        <line class="line" x1={start} x2={end - 4 * direction} y1={y} y2={y} />
      )}
      <path class="tip" d={`M${end} ${y}l${-8 * tip} -4.5v9z`} />
      <text
        class="label"
        x={toSelf ? x1 + 40 : (x1 + x2) / 2}
        y={y - 7}
        text-anchor={toSelf ? 'start' : 'middle'}
      >
        {label}
      </text>
    </g>
  );
}

function NoteBox({ row, x, y, width, height, lines }: PlacedNote) {
  return (
    <g class={`note ${row.outcome}`}>
      <Time y={y + 18} row={row} />
      <rect x={x} y={y} width={width} height={height} rx={6} />
      {lines.map((line, index) => (
        <text key={index} x={x + width / 2} y={y + 18 + index * 17} text-anchor="middle">
          {line}
        </text>
      ))}
    </g>
  );
}

function Time({ y, row }: { y: number; row: Row }) {
  return (
    <text class="time" x={60} y={y} text-anchor="end">
      {formatDuration(row.atMilliseconds)}
    </text>
  );
}

/** The lines of a row in the picture. */
function describeRow(row: Row): string[] {
  if (row.kind === 'call') return [row.label];
  if (row.kind === 'return') {
    const answer = row.status ?? (row.outcome === 'failed' ? 'no answer' : 'done');
    return [`${signs[row.outcome]} ${answer} · ${formatDuration(row.durationMilliseconds)}`];
  }
  return [`${signs[row.outcome]} ${row.label}`, ...(row.reason === null ? [] : [row.reason])];
}

function sentenceOf(row: Row): string {
  if (row.kind === 'call') return `${row.from.label} calls ${row.to.label}: ${row.label}`;
  if (row.kind === 'note') {
    return `${row.at.label}: ${row.label}${row.reason === null ? '' : `, ${row.reason}`}`;
  }
  const answer = row.status === null ? 'without an answer' : `with ${row.status}`;
  const reason = row.reason === null ? '' : `, ${row.reason}`;
  return `${row.from.label} ${row.outcome}: ${row.label} ends ${answer}${reason} after ${formatDuration(row.durationMilliseconds)}`;
}

/** The width of an element, in CSS pixels. */
function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(entry.contentRect.width);
    });
    if (element.current) observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return width;
}
