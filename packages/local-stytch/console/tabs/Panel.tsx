import type { ComponentChildren } from 'preact';
import { useEffect, useId } from 'preact/hooks';

interface PanelProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** The details of what is selected: beside the list, or in a narrow window over it. Escape closes it. */
export function Panel({ title, onClose, children }: PanelProps) {
  const titleId = useId();
  useEffect(() => {
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) onClose();
    };
    document.addEventListener('keydown', closeOnEscape);
    return () => {
      document.removeEventListener('keydown', closeOnEscape);
    };
  }, [onClose]);
  useEffect(() => focusListAfterwards, []);
  return (
    <section class="pair-panel card stack" aria-labelledby={titleId}>
      <div class="pair-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="button small" onClick={onClose}>
          Close
        </button>
      </div>
      {children}
    </section>
  );
}

/** The focus was in the panel, which is gone: back to the list. */
function focusListAfterwards(): void {
  window.setTimeout(() => {
    if (document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>('.pair-list [role=listbox], .pair-list button')?.focus();
  });
}
