import { Scrollable } from '../components/Scrollable';
import { formatCount, formatDuration } from '../format';
import type { Span } from '../../src/traces';
import { outcomeOf } from './outcome';
import { type SpanNode, spanTree, statusOf } from './spanTree';

const maxRows = 200;
const maxIndent = 12;

/** A row for each span of a trace, with a bar at its time. */
export function Waterfall({ spans }: { spans: readonly Span[] }) {
  const nodes = spanTree(spans);
  const start = Math.min(...nodes.map(({ span }) => span.start_milliseconds));
  const end = Math.max(...nodes.map(({ span }) => span.start_milliseconds + span.duration_milliseconds));
  const services = [...new Set(nodes.map(({ span }) => span.service))];
  return (
    <Scrollable label="Waterfall" class="waterfall">
      <ol>
        {nodes.slice(0, maxRows).map((node) => (
          <Bar
            key={node.span.span_id}
            node={node}
            start={start}
            total={Math.max(end - start, 0.001)}
            colour={services.indexOf(node.span.service) % 5}
          />
        ))}
      </ol>
      {nodes.length > maxRows && <p class="hint">{formatCount(nodes.length - maxRows)} more spans.</p>}
    </Scrollable>
  );
}

interface BarProps {
  node: SpanNode;
  start: number;
  total: number;
  colour: number;
}

function Bar({ node: { span, depth }, start, total, colour }: BarProps) {
  const left = ((span.start_milliseconds - start) / total) * 100;
  const width = (Math.max(span.duration_milliseconds, 0) / total) * 100;
  const bad = outcomeOf(statusOf(span), span.status.code === 'error') !== 'succeeded';
  return (
    <li class={bad ? 'span bad' : 'span'}>
      <span class="span-name" style={{ paddingInlineStart: `${Math.min(depth, maxIndent) * 14}px` }}>
        <span class={`dot service-${colour}`} aria-hidden="true" />
        <span class="cut">
          {bad && '✕ '}
          {span.name} <span class="muted">{span.service}</span>
        </span>
      </span>
      <span class="span-track" aria-hidden="true">
        <span
          class={`span-bar service-${colour}`}
          style={{ left: `${Math.min(left, 99.5)}%`, width: `${Math.min(width, 100 - left)}%` }}
        />
      </span>
      <span class="number mono">{formatDuration(span.duration_milliseconds)}</span>
    </li>
  );
}
