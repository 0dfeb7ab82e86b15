import type { ListedFault } from '../../../src/consoleApi';
import { api } from '../../api';
import { describeFault } from '../../components/Banner';
import { Empty } from '../../components/Empty';
import { formatCount } from '../../format';
import { faults } from '../../live';
import { ErrorText } from '../ErrorText';
import { useAction } from '../useAction';

/** The faults in effect, oldest first: the order in which they apply. */
export function ActiveFaults() {
  const action = useAction();
  if (faults.value.length === 0) {
    return <Empty title="No fault is on">Stytch works. Switch a fault on, then make a payment.</Empty>;
  }
  return (
    <div class="stack tight">
      <ul class="fault-list">
        {faults.value.map((fault) => (
          <FaultItem key={fault.id} fault={fault} />
        ))}
      </ul>
      <ErrorText error={action.error} />
      <div>
        <button
          type="button"
          class="button"
          onClick={() => void action.run(() => remove(api.deleteFaults()))}
        >
          Remove all
        </button>
      </div>
    </div>
  );
}

/** Loads the list again: it shows the change when the call is done. */
async function remove(removal: Promise<unknown>): Promise<void> {
  await removal;
  faults.value = (await api.faults()).faults;
}

function FaultItem({ fault }: { fault: ListedFault }) {
  const action = useAction();
  const words = describeFault(fault);
  const isSpent = fault.remaining === 0;
  return (
    <li class="fault-item">
      <div>
        <strong>{words}</strong>
        <p class="hint">
          {fault.hits === 1 ? '1 request so far' : `${formatCount(fault.hits)} requests so far`}
          {isSpent && '. It is used up'}
        </p>
        <ErrorText error={action.error} />
      </div>
      <button
        type="button"
        class="button small"
        aria-label={`Remove: ${words}`}
        onClick={() => void action.run(() => remove(api.deleteFault(fault.id)))}
      >
        Remove
      </button>
    </li>
  );
}
