import type { ComponentChild } from 'preact';

/** What to show in place of nothing: why there is nothing, and what to do next. */
export function Empty({ title, children }: { title: string; children: ComponentChild }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <div class="empty-next">{children}</div>
    </div>
  );
}
