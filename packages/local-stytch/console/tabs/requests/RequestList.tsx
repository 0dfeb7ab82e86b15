import { useRef, useState } from 'preact/hooks';
import type { LoggedRequest } from '../../../src/requestLog';
import { Status } from '../../components/Status';
import { VirtualList } from '../../components/VirtualList';
import { formatDuration, formatPreciseTime } from '../../format';
import { state } from '../../live';
import { clientName } from '../clientNames';
import { useNarrow } from '../useNarrow';

interface RequestListProps {
  /** Newest first. */
  requests: readonly LoggedRequest[];
  selected: number | null;
  onSelect: (request: LoggedRequest) => void;
}

// CSS pixels.
const rowHeight = 36;
const narrowRowHeight = 60;

/** The list of requests. When it is scrolled, a button leads back to the newest ones. */
export function RequestList({ requests, selected, onSelect }: RequestListProps) {
  const box = useRef<HTMLDivElement>(null);
  const [isScrolled, setScrolled] = useState(false);
  const isNarrow = useNarrow();
  const list = () => box.current?.querySelector('[role=listbox]');
  return (
    <div
      ref={box}
      class="request-list"
      onScrollCapture={() => {
        setScrolled((list()?.scrollTop ?? 0) > 0);
      }}
    >
      <div class="request-row request-heads" aria-hidden="true">
        <span>Method</span>
        <span>Path</span>
        <span>Status</span>
        <span>Duration</span>
        <span>Client</span>
        <span>Error</span>
        <span>Time</span>
      </div>
      <VirtualList
        label="Requests, newest first"
        items={requests}
        rowHeight={isNarrow ? narrowRowHeight : rowHeight}
        keyOf={({ id }) => id}
        selected={selected}
        onSelect={onSelect}
      >
        {(request) => <Row request={request} />}
      </VirtualList>
      {isScrolled && (
        <button
          type="button"
          class="button small to-newest"
          onClick={() => {
            list()?.scrollTo({ top: 0 });
          }}
        >
          ↑ Newest
        </button>
      )}
    </div>
  );
}

/** The path without the project's id, which is the same in all of them. */
function shortPath(path: string): string {
  const { project_id: projectId = '' } = state.value ?? {};
  return projectId === '' ? path : path.replace(`/${projectId}`, '/…');
}

function Row({ request }: { request: LoggedRequest }) {
  const { method, path, status, code, duration_milliseconds: duration, client_id: client, at } = request;
  const noAnswer = duration === null ? 'pending' : 'no answer';
  return (
    <div class="request-row">
      <span class="cell-method">{method}</span>
      <span class="cell-path mono" title={path}>
        {shortPath(path)}
      </span>
      <span class="cell-status">
        <Status status={status} without={noAnswer} />
      </span>
      <span class="cell-duration">{duration === null ? '' : formatDuration(duration)}</span>
      <span class="cell-client" title={client}>
        {client !== undefined && clientName(client)}
      </span>
      <span class="cell-code" title={code ?? undefined}>
        {code}
      </span>
      <time class="cell-time" dateTime={at}>
        {formatPreciseTime(at)}
      </time>
    </div>
  );
}
