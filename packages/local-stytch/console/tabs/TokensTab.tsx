import { signal } from '@preact/signals';
import type { ListedToken } from '../../src/consoleApi';
import { api } from '../api';
import { Empty } from '../components/Empty';
import { VirtualList } from '../components/VirtualList';
import { formatCount, formatTime } from '../format';
import { tokens } from '../live';
import { clientName } from './clientNames';
import './pair.css';
import { Panel } from './Panel';
import { Explanation } from './tokens/Explanation';
import { MintPanel } from './tokens/MintPanel';
import { PastePanel } from './tokens/PastePanel';
import './tokens/tokens.css';

/** What the panel shows: a token by its number, or a form. */
const opened = signal<number | 'paste' | 'mint' | null>(null);
// CSS pixels.
const rowHeight = 56;

/** The issued and minted tokens, and any other, explained. */
export function TokensTab() {
  const token = tokens.value.find(({ id }) => id === opened.value);
  const isOpen = token !== undefined || typeof opened.value === 'string';
  return (
    <div class={isOpen ? 'tokens pair with-panel' : 'tokens pair'}>
      <section class="pair-list" aria-label="Tokens">
        <div class="toolbar">
          <p class="toolbar-count">Newest first: {formatCount(tokens.value.length)}</p>
          <Opener form="paste" title="Explain a token" />
          <Opener form="mint" title="Mint a token" />
        </div>
        <List selected={token?.id ?? null} />
      </section>
      {token && <TokenPanel token={token} />}
      {opened.value === 'paste' && <PastePanel onClose={close} />}
      {opened.value === 'mint' && <MintPanel onClose={close} />}
    </div>
  );
}

function close(): void {
  opened.value = null;
}

function Opener({ form, title }: { form: 'paste' | 'mint'; title: string }) {
  return (
    <button
      type="button"
      class="button"
      aria-pressed={opened.value === form}
      onClick={() => {
        opened.value = form;
      }}
    >
      {title}
    </button>
  );
}

function List({ selected }: { selected: number | null }) {
  if (tokens.value.length === 0) {
    return (
      <Empty title="No token yet">
        Tokens appear here when they are issued. Make the payment in the tab <a href="#flow">Flow</a>, mint a
        token, or paste one to have it explained.
      </Empty>
    );
  }
  return (
    <VirtualList
      label="Tokens, newest first"
      items={tokens.value}
      rowHeight={rowHeight}
      keyOf={({ id }) => id}
      selected={selected}
      onSelect={({ id }) => {
        opened.value = id;
      }}
    >
      {(token) => <Row token={token} />}
    </VirtualList>
  );
}

function Row({ token: { kind, client_id: clientId, scope, at } }: { token: ListedToken }) {
  return (
    <div class="token-row">
      <span class="cut">
        <span class={kind === 'minted' ? 'tag accent' : 'tag'}>{kind}</span> {nameOf(clientId)}
      </span>
      <time class="token-detail" dateTime={at}>
        {formatTime(at)}
      </time>
      <span class="token-detail cut mono">{scope || 'no scopes'}</span>
    </div>
  );
}

function nameOf(clientId: string | null): string {
  return clientId === null ? 'no client' : clientName(clientId);
}

function TokenPanel({ token }: { token: ListedToken }) {
  return (
    <Panel title={`Token ${token.id} of ${nameOf(token.client_id)}`} onClose={close}>
      <p class="hint">The signature is masked: nobody can use what is shown here.</p>
      <Explanation subject={`token ${token.id}`} load={() => api.token(token.id)} />
    </Panel>
  );
}
