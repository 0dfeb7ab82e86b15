import { computed, signal } from '@preact/signals';
import type { ListedClient } from '../../src/consoleApi';
import { api } from '../api';
import { Empty } from '../components/Empty';
import { Field } from '../components/Field';
import { VirtualList } from '../components/VirtualList';
import { formatCount } from '../format';
import { clients } from '../live';
import { changeClient, newSecret } from './clients/changeClient';
import { filterClients } from './clients/clientFields';
import { ClientForm } from './clients/ClientForm';
import { ClientPanel, StatusTag } from './clients/ClientPanel';
import './clients/clients.css';
import './pair.css';
import { Panel } from './Panel';

const newClient = Symbol('new client');
const text = signal('');
const selected = signal<string | typeof newClient | null>(null);
const shown = computed(() => filterClients(clients.value, text.value));
// CSS pixels.
const rowHeight = 64;

/** The M2M clients of the project. */
export function ClientsTab() {
  const client = clients.value.find(({ client_id: id }) => id === selected.value);
  const isNew = selected.value === newClient;
  return (
    <div class={client || isNew ? 'pair with-panel' : 'pair'}>
      <section class="pair-list" aria-label="Clients">
        <div class="toolbar">
          <Field label="Search">
            {(field) => (
              <input
                {...field}
                type="search"
                placeholder="Name, id or scope"
                value={text.value}
                onInput={({ currentTarget }) => {
                  text.value = currentTarget.value;
                }}
              />
            )}
          </Field>
          <p class="toolbar-count">
            {formatCount(shown.value.length)} of {formatCount(clients.value.length)} clients
          </p>
          <button
            type="button"
            class="button primary"
            onClick={() => {
              select(newClient);
            }}
          >
            New client
          </button>
        </div>
        <List selected={client?.client_id ?? null} />
      </section>
      {client && <ClientPanel client={client} onClose={closePanel} />}
      {isNew && <NewClient />}
    </div>
  );
}

function select(next: typeof selected.value): void {
  selected.value = next;
  newSecret.value = null;
}

function closePanel(): void {
  select(null);
}

function List({ selected: id }: { selected: string | null }) {
  if (clients.value.length === 0) {
    return (
      <Empty title="No client">
        Create one: a service gets its access tokens with the id and the secret of a client.
      </Empty>
    );
  }
  if (shown.value.length === 0) return <Empty title="No client matches">Search for another text.</Empty>;
  return (
    <VirtualList
      label="Clients"
      items={shown.value}
      rowHeight={rowHeight}
      keyOf={({ client_id: key }) => key}
      selected={id}
      onSelect={({ client_id: key }) => {
        select(key);
      }}
    >
      {(client) => <Row client={client} />}
    </VirtualList>
  );
}

function Row({ client }: { client: ListedClient }) {
  const { client_name: name, client_id: id, scopes, status, next_client_secret_last_four: next } = client;
  return (
    <div class="client-row">
      <span class="client-name cut">{name || id}</span>
      <span class="client-tags">
        {next !== null && <span class="tag accent">rotating</span>} <StatusTag status={status} />
      </span>
      <span class="client-detail cut mono">{id}</span>
      <span class="client-detail client-scopes cut mono">{scopes.join(' ') || 'no scopes'}</span>
    </div>
  );
}

function NewClient() {
  return (
    <Panel title="New client" takesFocus onClose={closePanel}>
      <p>A service gets access tokens with the id and the secret of a client. Both are made here.</p>
      <ClientForm
        name=""
        scopes={[]}
        metadata={{}}
        submit="Create the client"
        onSubmit={async (fields) => {
          const { m2m_client: created } = await changeClient(api.createClient(fields));
          select(created.client_id);
          newSecret.value = { clientId: created.client_id, secret: created.client_secret ?? '' };
        }}
      />
    </Panel>
  );
}
