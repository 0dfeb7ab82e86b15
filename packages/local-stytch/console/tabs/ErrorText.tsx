import { messageOf } from '../api';

/** What went wrong, beside what failed. A screen reader says it at once. */
export function ErrorText({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  return (
    <p class="failure" role="alert">
      {messageOf(error)}
    </p>
  );
}
