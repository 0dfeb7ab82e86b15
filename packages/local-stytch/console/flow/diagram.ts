import type { Span } from '../../src/traces';
import { describeNote, failureOf, type NoteText } from './notes';
import { type Outcome, outcomeOf } from './outcome';
import { type SpanNode, spanTree, statusOf, textOf } from './spanTree';

/** A sequence diagram: what the page draws, without its layout. */
export interface Diagram {
  /** From left to right: the caller, then the services in the order of their first rows. */
  participants: Participant[];
  /** From top to bottom. */
  rows: Row[];
}

export interface Participant {
  /** The service's name. */
  id: string;
  label: string;
}

export type Row = Call | Return | Note;

interface AnyRow {
  /** Unique in the diagram. */
  key: string;
  /** Since the start of the trace. */
  atMilliseconds: number;
}

/** A request. */
export interface Call extends AnyRow {
  kind: 'call';
  from: Participant;
  to: Participant;
  label: string;
}

/** The answer to a call, or the end of the wait for it. */
export interface Return extends AnyRow {
  kind: 'return';
  /** The participant that was called. */
  from: Participant;
  to: Participant;
  /** The label of the call. */
  label: string;
  /** Null: there is none. */
  status: number | null;
  outcome: Outcome;
  /** Why it failed, if that is known. */
  reason: string | null;
  durationMilliseconds: number;
}

/** What a participant did or decided. */
export interface Note extends AnyRow, NoteText {
  kind: 'note';
  at: Participant;
}

/** The service of the calls that the page makes, and of those whose caller sends no spans. */
export const caller = 'caller';
const unknownService = 'unknown';

/** Gives the name of the service at an address such as `http://localhost:4000/api`. */
export type ServiceAt = (url: string) => string | undefined;

/**
 * Turns the spans of a trace into a sequence diagram. A client span with a server span of another service inside is a
 * call. So is a server span without a parent: the caller makes it. Missing spans, any order, cycles and spans that came
 * twice are tolerated. Calls at the same time are drawn one below the other.
 *
 * @param serviceAt for calls whose server has sent no span.
 */
export function createDiagram(spans: readonly Span[], serviceAt: ServiceAt = () => undefined): Diagram {
  const nodes = spanTree(spans);
  const participants = new Map<string, Participant>();
  const participant = (id: string): Participant => {
    const found = participants.get(id) ?? { id, label: id === 'local-stytch' ? 'Stytch (local-stytch)' : id };
    participants.set(id, found);
    return found;
  };
  const timeOf = timesOf(nodes);
  const rows: Row[] = [];
  const open: { node: SpanNode; ends: Row | undefined }[] = [];
  const close = (depth: number) => {
    for (let last = open.at(-1); last && last.node.depth >= depth; last = open.at(-1)) {
      if (last.ends) rows.push(last.ends);
      open.pop();
    }
  };
  for (const node of nodes) {
    close(node.depth);
    const { start, end } = timeOf(node);
    const call = callOf(node, serviceAt);
    let ends: Row | undefined;
    if (call) {
      const [from, to] = [participant(call.from), participant(call.to)];
      const { span_id: id } = node.span;
      const { label, ...outcome } = call;
      rows.push({ kind: 'call', key: `${id}-call`, from, to, label, atMilliseconds: start });
      ends = {
        ...outcome,
        kind: 'return',
        key: `${id}-return`,
        from: to,
        to: from,
        label,
        atMilliseconds: end,
      };
    } else {
      const note = describeNote(node);
      const at = note && participant(node.span.service);
      ends = note && at && { ...note, kind: 'note', key: node.span.span_id, at, atMilliseconds: end };
    }
    open.push({ node, ends });
  }
  close(0);
  const [first] = nodes;
  if (participants.size === 0 && first) participant(first.span.service);
  return { participants: callerFirst([...participants.values()]), rows };
}

function callerFirst(participants: readonly Participant[]): Participant[] {
  const isCaller = ({ id }: Participant) => id === caller;
  return [...participants.filter(isCaller), ...participants.filter((one) => !isCaller(one))];
}

/** Start and end since the start of the trace. No span starts before its parent: the clocks of services differ. */
function timesOf(nodes: readonly SpanNode[]) {
  const first = nodes.reduce((least, { span }) => Math.min(least, span.start_milliseconds), Infinity);
  const starts = new Map<SpanNode, number>();
  for (const node of nodes) {
    const earliest = (node.parent && starts.get(node.parent)) ?? 0;
    starts.set(node, Math.max(node.span.start_milliseconds - first, earliest));
  }
  return (node: SpanNode) => {
    const start = starts.get(node) ?? 0;
    return { start, end: start + Math.max(node.span.duration_milliseconds, 0) };
  };
}

interface FoundCall {
  from: string;
  to: string;
  label: string;
  status: number | null;
  outcome: Outcome;
  reason: string | null;
  durationMilliseconds: number;
}

/** The call that a span stands for: each call is of one span only. */
function callOf(node: SpanNode, serviceAt: ServiceAt): FoundCall | undefined {
  const { span, parent } = node;
  if (isClient(span)) {
    const server = node.children.find((child) => isServer(child.span))?.span;
    const to = server?.service ?? calledService(span, serviceAt);
    // `GET` alone says less than the server's name for it.
    const label = span.name.includes(' ') ? span.name : (server?.name ?? span.name);
    return describeCall(span, statusOf(span) ?? (server ? statusOf(server) : null), span.service, to, label);
  }
  if (!isServer(span)) return undefined;
  if (!parent) return describeCall(span, statusOf(span), caller, span.service, span.name);
  const ofClient = isClient(parent.span) && parent.children.find((child) => isServer(child.span)) === node;
  if (ofClient || (!isClient(parent.span) && parent.span.service === span.service)) return undefined;
  return describeCall(span, statusOf(span), parent.span.service, span.service, span.name);
}

function describeCall(span: Span, status: number | null, from: string, to: string, label: string): FoundCall {
  const failed = span.status.code === 'error';
  const outcome = outcomeOf(status, failed);
  const reason = failed && outcome !== 'succeeded' ? failureOf(span) : null;
  return {
    from,
    to,
    label,
    status,
    outcome,
    reason,
    durationMilliseconds: Math.max(span.duration_milliseconds, 0),
  };
}

function isClient({ kind }: Span): boolean {
  return kind === 'client' || kind === 'producer';
}

function isServer({ kind }: Span): boolean {
  return kind === 'server' || kind === 'consumer';
}

function calledService(span: Span, serviceAt: ServiceAt): string {
  const peer = textOf(span, 'peer.service');
  if (peer !== undefined) return peer;
  const url = textOf(span, 'url.full');
  const address = textOf(span, 'server.address');
  const port = span.attributes['server.port'];
  const host = address === undefined ? undefined : typeof port === 'number' ? `${address}:${port}` : address;
  return (url === undefined ? undefined : serviceAt(url)) ?? host ?? unknownService;
}
