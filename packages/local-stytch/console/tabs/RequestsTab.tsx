import { computed, signal } from '@preact/signals';
import { api } from '../api';
import { ConfirmButton } from '../components/ConfirmButton';
import { Empty } from '../components/Empty';
import { info, requests } from '../live';
import { clientNames } from './clientNames';
import { filterRequests, type Outcome } from './requests/filter';
import { RequestFilters } from './requests/RequestFilters';
import { RequestList } from './requests/RequestList';
import { RequestPanel } from './requests/RequestPanel';
import './requests/requests.css';
import './pair.css';

// They stay when one looks at another tab.
const text = signal('');
const outcome = signal<Outcome | 'all'>('all');
const selectedId = signal<number | null>(null);
const shown = computed(() =>
  filterRequests(requests.value.values(), text.value, outcome.value, clientNames.value),
);

/** Every request to this Stytch, live. */
export function RequestsTab() {
  const selected = selectedId.value === null ? undefined : requests.value.get(selectedId.value);
  if (requests.value.size === 0) return <NoRequests />;
  return (
    <div class={selected ? 'pair with-panel' : 'pair'}>
      <section class="pair-list" aria-label="Requests">
        <div class="toolbar">
          <RequestFilters
            text={text.value}
            outcome={outcome.value}
            shown={shown.value.length}
            total={requests.value.size}
            onText={(value) => {
              text.value = value;
            }}
            onOutcome={(value) => {
              outcome.value = value;
            }}
          />
          <ConfirmButton
            label="Clear"
            question="Clear the requests?"
            consequence="The list of requests is emptied, here and on every other page. Nothing else changes."
            action="Clear the list"
            run={api.clearRequests}
          />
        </div>
        {shown.value.length === 0 ? (
          <Empty title="No request matches">
            <button
              type="button"
              class="button"
              onClick={() => {
                text.value = '';
                outcome.value = 'all';
              }}
            >
              Show all requests
            </button>
          </Empty>
        ) : (
          <RequestList
            requests={shown.value}
            selected={selected?.id ?? null}
            onSelect={({ id }) => {
              selectedId.value = id;
            }}
          />
        )}
      </section>
      {selected && (
        <RequestPanel
          request={selected}
          onClose={() => {
            selectedId.value = null;
          }}
        />
      )}
    </div>
  );
}

function NoRequests() {
  return (
    <Empty title="No request yet">
      <p>
        Requests to this Stytch appear here as they happen. Make the payment in the tab{' '}
        <a href="#flow">Flow</a>, or point a service here with{' '}
        <code>STYTCH_BASE_URL={info.value?.base_url ?? location.origin}</code>.
      </p>
    </Empty>
  );
}
