import { useRef, useState } from 'preact/hooks';
import { messageOf } from '../api';

interface Props {
  label: string;
  /** The dialog's heading. */
  question: string;
  consequence: string;
  /** The name of the button that does it. */
  action: string;
  run: () => Promise<unknown>;
  class?: string;
}

/** A button that asks before it acts. */
export function ConfirmButton({ label, question, consequence, action, run, class: name }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState('');
  const [running, setRunning] = useState(false);
  const act = async () => {
    setRunning(true);
    try {
      await run();
      dialog.current?.close();
    } catch (error) {
      setFailure(messageOf(error));
    }
    setRunning(false);
  };
  return (
    <>
      <button
        type="button"
        class={name ?? 'button'}
        onClick={() => {
          setFailure('');
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <dialog ref={dialog} class="dialog" aria-label={question}>
        <h2>{question}</h2>
        <p>{consequence}</p>
        {failure && (
          <p role="alert" class="failure">
            {failure}
          </p>
        )}
        <div class="row end">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="button" class="button danger" disabled={running} onClick={() => void act()}>
            {action}
          </button>
        </div>
      </dialog>
    </>
  );
}
