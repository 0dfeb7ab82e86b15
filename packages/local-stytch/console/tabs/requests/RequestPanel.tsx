import type { RequestDetails } from '../../../src/consoleApi';
import type { LoggedRequest } from '../../../src/requestLog';
import { api } from '../../api';
import { Copy } from '../../components/Copy';
import { JsonView } from '../../components/JsonView';
import { Status } from '../../components/Status';
import { curlOfRequest } from '../../curl';
import { formatDate, formatDuration } from '../../format';
import { info, requests } from '../../live';
import { ErrorText } from '../ErrorText';
import { Panel } from '../Panel';
import { useLoaded } from '../useLoaded';

interface RequestPanelProps {
  request: LoggedRequest;
  onClose: () => void;
}

/** How many requests have details. */
const detailedRequests = 1_000;

/** One request: what was received and answered. Secrets and tokens are masked. */
export function RequestPanel({ request, onClose }: RequestPanelProps) {
  const { id, method, path, status, code, duration_milliseconds: duration, at, claims } = request;
  const { client_id: client } = request;
  const version = `${status} ${duration}`;
  const { value, error } = useLoaded(`request ${id}`, version, () => loadDetails(id));
  return (
    <Panel title={`${method} ${path}`} onClose={onClose}>
      <p class="facts">
        <Status status={status} without={duration === null ? 'pending' : 'no answer'} />
        {code !== null && <code>{code}</code>}
        {duration !== null && <span>{formatDuration(duration)}</span>}
        <time dateTime={at}>{formatDate(at)}</time>
        {client !== undefined && <code>{client}</code>}
      </p>
      {value && info.value && <CopyAsCurl details={value} />}
      <ErrorText error={error} />
      {value && <Message title="Received" {...value.received} />}
      {value?.answered && <Message title="Answered" {...value.answered} />}
      {value && !value.answered && (
        <p class="hint">{duration === null ? 'It is not answered yet.' : 'It was never answered.'}</p>
      )}
      {claims && (
        <section>
          <h3>Claims of the issued token</h3>
          <JsonView label="Claims of the issued token" value={claims} />
        </section>
      )}
    </Panel>
  );
}

async function loadDetails(id: number): Promise<RequestDetails> {
  const [oldest = id] = requests.value.keys();
  if (id < oldest + requests.value.size - detailedRequests) {
    throw new Error('Only the last 1,000 requests have headers and bodies.');
  }
  return api.request(id);
}

function CopyAsCurl({ details }: { details: RequestDetails }) {
  return <Copy label="Copy as curl" text={() => (info.value ? curlOfRequest(details, info.value) : '')} />;
}

interface MessageProps {
  title: string;
  headers: Record<string, string>;
  query?: string | null;
  body: string | null;
}

function Message({ title, headers, query = null, body }: MessageProps) {
  return (
    <section class="message">
      <h3>{title}</h3>
      {query !== null && <code>?{query}</code>}
      <Pairs pairs={Object.entries(headers)} />
      <Body title={title} type={headers['content-type'] ?? ''} body={body} />
    </section>
  );
}

function Body({ title, type, body }: { title: string; type: string; body: string | null }) {
  if (body === null || body === '') return <p class="hint">Without a body</p>;
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return (
      <div class="form-body">
        <Pairs pairs={[...new URLSearchParams(body)]} />
      </div>
    );
  }
  return <JsonView label={`Body that was ${title.toLowerCase()}`} value={body} />;
}

function Pairs({ pairs }: { pairs: readonly (readonly [string, string])[] }) {
  return (
    <dl class="headers">
      {pairs.map(([name, value], index) => (
        <div key={index}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
