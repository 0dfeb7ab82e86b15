import type { Span } from '../../src/traces';

/** A span with its place in the trace. */
export interface SpanNode {
  span: Span;
  parent: SpanNode | undefined;
  /** In the order of their starts. */
  children: SpanNode[];
  /** 0: it has no parent here. */
  depth: number;
}

/**
 * Puts spans in the order of a depth-first walk: each one after its parent. Spans arrive in any order, some late and some
 * twice. A span whose parent is missing is a root, and so is the earliest one of a cycle.
 */
export function spanTree(spans: readonly Span[]): SpanNode[] {
  const nodes = new Map<string, SpanNode>();
  for (const span of [...spans].sort((one, other) => one.start_milliseconds - other.start_milliseconds)) {
    if (!nodes.has(span.span_id))
      nodes.set(span.span_id, { span, parent: undefined, children: [], depth: 0 });
  }
  const parentOf = ({ span }: SpanNode) => nodes.get(span.parent_span_id ?? '');
  for (const node of nodes.values()) parentOf(node)?.children.push(node);
  const walked = new Set<SpanNode>();
  for (const node of nodes.values()) if (!parentOf(node)) walk(node, walked);
  for (const node of nodes.values()) if (!walked.has(node)) walk(node, walked);
  return [...walked];
}

/** A loop, because a trace may be a chain of 1,000 spans. */
function walk(root: SpanNode, walked: Set<SpanNode>): void {
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    walked.add(node);
    node.children = node.children.filter((child) => !walked.has(child));
    for (const child of node.children) {
      child.parent = node;
      child.depth = node.depth + 1;
    }
    stack.push(...node.children.toReversed());
  }
}

/** An attribute that is a text, or undefined. */
export function textOf({ attributes }: Span, name: string): string | undefined {
  const value = attributes[name];
  return typeof value === 'string' ? value : undefined;
}

/** The HTTP status of a span; null when it has none. */
export function statusOf({ attributes }: Span): number | null {
  const value = attributes['http.response.status_code'];
  return typeof value === 'number' ? value : null;
}
