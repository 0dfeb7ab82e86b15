import type { ListedClient } from '../../../src/consoleApi';
import { api } from '../../api';
import { ConfirmButton } from '../../components/ConfirmButton';
import { Copy } from '../../components/Copy';
import { ErrorText } from '../ErrorText';
import { Panel } from '../Panel';
import { useAction } from '../useAction';
import { changeClient } from './changeClient';
import { metadataChange } from './clientFields';
import { ClientForm } from './ClientForm';
import { Rotation } from './Rotation';
import { SecretOnce } from './SecretOnce';

interface ClientPanelProps {
  client: ListedClient;
  onClose: () => void;
}

/** One client: its fields, its status, its secret. */
export function ClientPanel({ client, onClose }: ClientPanelProps) {
  const { client_id: id, client_name: name } = client;
  return (
    <Panel title={name || id} onClose={onClose}>
      <div key={id} class="stack">
        <p class="row">
          <code>{id}</code>
          <Copy label="Copy the id" text={id} />
        </p>
        {client.next_client_secret_last_four === null && <SecretOnce clientId={id} title="The secret" />}
        <Activity client={client} />
        <Rotation client={client} />
        <Fields client={client} />
        <Deletion client={client} />
      </div>
    </Panel>
  );
}

function Fields({ client }: { client: ListedClient }) {
  const { client_id: id, client_name: name, scopes, trusted_metadata: metadata } = client;
  return (
    <section class="stack tight" aria-label="Fields">
      <h3>Fields</h3>
      <ClientForm
        name={name}
        scopes={scopes}
        metadata={metadata}
        submit="Save"
        onSubmit={(fields) =>
          changeClient(
            api.updateClient(id, {
              ...fields,
              trusted_metadata: metadataChange(metadata, fields.trusted_metadata),
            }),
          )
        }
      />
    </section>
  );
}

function Deletion({ client: { client_id: id, client_name: name } }: { client: ListedClient }) {
  return (
    <div>
      <ConfirmButton
        label="Delete the client"
        class="button danger"
        question={`Delete ${name || id}?`}
        consequence="The client and its secrets are deleted: it gets no more tokens. Tokens that were issued stay valid until they expire."
        action="Delete"
        run={() => changeClient(api.deleteClient(id))}
      />
    </div>
  );
}

function Activity({ client: { client_id: id, status } }: { client: ListedClient }) {
  const action = useAction();
  const isActive = status === 'active';
  const change = () =>
    action.run(() => changeClient(api.updateClient(id, { status: isActive ? 'inactive' : 'active' })));
  return (
    <section class="stack tight" aria-label="Status">
      <h3>
        Status <StatusTag status={status} />
      </h3>
      <p>
        {isActive
          ? 'It gets tokens. Deactivate it, and its token requests are refused; tokens that were issued stay valid until they expire.'
          : 'Its token requests are refused. Tokens that were issued stay valid until they expire.'}
      </p>
      <div>
        <button type="button" class="button" onClick={() => void change()}>
          {isActive ? 'Deactivate' : 'Activate'}
        </button>
      </div>
      <ErrorText error={action.error} />
    </section>
  );
}

export function StatusTag({ status }: { status: ListedClient['status'] }) {
  return <span class={status === 'active' ? 'tag good' : 'tag bad'}>{status}</span>;
}
