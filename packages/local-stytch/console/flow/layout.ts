import type { Call, Diagram, Note, Participant, Return, Row } from './diagram';

// CSS pixels.
const head = 52;
const margin = 16;
const gutter = 74;
const minSpacing = 184;
const maxSpacing = 290;
export const halfBox = 84;
const noteLine = 17;
const heights = { call: 40, return: 36 };
/** Of the font of the diagram, on average. */
const characterWidth = 6.4;
/** They may be bold. */
const noteCharacterWidth = 7;
const maxRows = 300;

/** A diagram with the place of everything. */
export interface Layout {
  width: number;
  height: number;
  participants: { participant: Participant; x: number; label: string }[];
  rows: (PlacedArrow | PlacedNote)[];
  /** On a lifeline, while a participant works on a call. */
  activations: { key: string; x: number; top: number; bottom: number }[];
  /** Where lifelines begin and end. */
  top: number;
  bottom: number;
  /** How many rows are left out. */
  leftOut: number;
}

export interface PlacedArrow {
  row: Call | Return;
  y: number;
  x1: number;
  x2: number;
  label: string;
}

export interface PlacedNote {
  row: Note;
  y: number;
  x: number;
  width: number;
  height: number;
  lines: string[];
}

/** @param available the width of the box that the diagram is in. A wider diagram scrolls. */
export function layOut(
  { participants, rows }: Diagram,
  available: number,
  describe: (row: Row) => string[],
): Layout {
  const gaps = Math.max(participants.length - 1, 1);
  const fitting = (available - gutter - 2 * halfBox - margin) / gaps;
  const spacing = Math.min(Math.max(fitting, minSpacing), maxSpacing);
  const xOf = (participant: Participant) => gutter + halfBox + participants.indexOf(participant) * spacing;
  const width = gutter + 2 * halfBox + (participants.length - 1) * spacing + margin;
  const activations: Layout['activations'] = [];
  const calledAt = new Map<string, number>();
  let y = head + 8;
  const placed = rows.slice(0, maxRows).map((row) => {
    const lines = describe(row);
    if (row.kind === 'note') {
      const note = placeNote(row, lines, xOf(row.at), y, width);
      y += note.height + 12;
      return note;
    }
    y += heights[row.kind];
    const [x1, x2] = [xOf(row.from), xOf(row.to)];
    const id = row.key.replace(/-(call|return)$/, '');
    if (row.kind === 'call') calledAt.set(id, y);
    else activations.push({ key: id, x: x1, top: calledAt.get(id) ?? y, bottom: y });
    const room = Math.abs(x2 - x1) - 16 || spacing - 40;
    return { row, y, x1, x2, label: cut(lines.join(' '), room) };
  });
  return {
    width,
    height: y + 28,
    participants: participants.map((participant) => ({
      participant,
      x: xOf(participant),
      label: cut(participant.label, 2 * halfBox - 8),
    })),
    rows: placed,
    activations,
    top: head,
    bottom: y + 20,
    leftOut: Math.max(rows.length - maxRows, 0),
  };
}

function placeNote(row: Note, texts: string[], center: number, y: number, totalWidth: number): PlacedNote {
  const room = totalWidth - gutter - margin;
  const lines = texts.map((text) => cut(text, room - 24));
  const width = Math.min(Math.max(...lines.map((line) => line.length)) * noteCharacterWidth + 24, room);
  const x = Math.min(Math.max(center - width / 2, gutter), totalWidth - margin - width);
  return { row, y: y + 12, x, width, height: lines.length * noteLine + 12, lines };
}

/** @param room CSS pixels. */
function cut(text: string, room: number): string {
  const count = Math.floor(room / characterWidth);
  const characters = Array.from(text.slice(0, 2 * count + 2));
  return characters.length <= count ? characters.join('') : `${characters.slice(0, count - 1).join('')}…`;
}
