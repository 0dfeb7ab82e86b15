import { Field } from '../../components/Field';
import { formatCount } from '../../format';
import { type Outcome, outcomes } from './filter';

interface RequestFiltersProps {
  text: string;
  outcome: Outcome | 'all';
  shown: number;
  total: number;
  onText: (text: string) => void;
  onOutcome: (outcome: Outcome | 'all') => void;
}

/** The filters of the list, and how many requests they leave. */
export function RequestFilters({ text, outcome, shown, total, onText, onOutcome }: RequestFiltersProps) {
  return (
    <>
      <Field label="Filter">
        {(field) => (
          <input
            {...field}
            type="search"
            placeholder="Path, status, error, client"
            value={text}
            onInput={({ currentTarget }) => {
              onText(currentTarget.value);
            }}
          />
        )}
      </Field>
      <Field label="Outcome">
        {(field) => (
          <select
            {...field}
            value={outcome}
            onChange={({ currentTarget }) => {
              onOutcome(outcomes.find(([name]) => name === currentTarget.value)?.[0] ?? 'all');
            }}
          >
            {outcomes.map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <p class="toolbar-count">
        {shown === total ? formatCount(total) : `${formatCount(shown)} of ${formatCount(total)}`}
        {' requests'}
      </p>
    </>
  );
}
