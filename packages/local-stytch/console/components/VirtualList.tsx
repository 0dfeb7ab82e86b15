import type { ComponentChild } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Rows above and below the visible ones, so that a fast scroll shows no gap. */
const overscan = 8;

interface Props<Item> {
  label: string;
  items: readonly Item[];
  /** Of every row. CSS pixels. */
  rowHeight: number;
  keyOf: (item: Item) => string | number;
  selected?: string | number | null;
  onSelect?: (item: Item) => void;
  children: (item: Item) => ComponentChild;
  class?: string;
}

/**
 * A listbox with only the visible rows in the document. Up, down, page up, page down, home and end move the selection.
 * Its height is that of its class. When it is scrolled, or a row is selected, rows that come or go above do not move what
 * one reads.
 */
export function VirtualList<Item>(props: Props<Item>) {
  const { label, items, rowHeight, keyOf, selected = null, onSelect, children, class: name = '' } = props;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const anchor = useRef<{ key: string | number; offset: number } | null>(null);
  const [{ top, height }, setView] = useState({ top: 0, height: 600 });

  const look = () => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {};
    // It is not displayed.
    if (clientHeight === 0) return;
    const first = items[Math.floor(scrollTop / rowHeight)];
    const follows = scrollTop === 0 && selected === null;
    anchor.current =
      follows || first === undefined ? null : { key: keyOf(first), offset: scrollTop % rowHeight };
    setView((view) =>
      view.top === scrollTop && view.height === clientHeight
        ? view
        : { top: scrollTop, height: clientHeight },
    );
  };

  useLayoutEffect(() => {
    const { current } = anchor;
    if (current && box.current) {
      const index = items.findIndex((item) => keyOf(item) === current.key);
      if (index !== -1) box.current.scrollTop = index * rowHeight + current.offset;
    }
    look();
  }, [items, selected]);

  const lookNow = useRef(look);
  lookNow.current = look;
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      lookNow.current();
    });
    if (box.current) observer.observe(box.current);
    return () => {
      observer.disconnect();
    };
  }, []);

  const select = (index: number) => {
    const item = items[Math.min(Math.max(index, 0), items.length - 1)];
    if (item === undefined || !box.current) return;
    const at = items.indexOf(item) * rowHeight;
    const { scrollTop, clientHeight } = box.current;
    if (at < scrollTop) box.current.scrollTop = at;
    else if (at + rowHeight > scrollTop + clientHeight) box.current.scrollTop = at + rowHeight - clientHeight;
    look();
    onSelect?.(item);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const now = items.findIndex((item) => keyOf(item) === selected);
    const page = Math.max(Math.floor(height / rowHeight) - 1, 1);
    const targets: Record<string, number> = {
      ArrowDown: now + 1,
      ArrowUp: now - 1,
      PageDown: now + page,
      PageUp: now - page,
      Home: 0,
      End: items.length - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    select(target);
  };

  const from = Math.max(Math.floor(top / rowHeight) - overscan, 0);
  const to = Math.min(Math.ceil((top + height) / rowHeight) + overscan, items.length);
  const shown = items.slice(from, to);
  const active = shown.find((item) => keyOf(item) === selected);
  const idOf = (item: Item) => `${id}-${encodeURIComponent(keyOf(item))}`;
  return (
    <div
      ref={box}
      class={`virtual-list ${name}`}
      role="listbox"
      aria-label={label}
      aria-activedescendant={active === undefined ? undefined : idOf(active)}
      tabIndex={0}
      onScroll={look}
      onKeyDown={onKeyDown}
    >
      <div role="presentation" class="virtual-space" style={{ height: `${items.length * rowHeight}px` }}>
        {shown.map((item, index) => (
          <div
            key={keyOf(item)}
            id={idOf(item)}
            class="virtual-row"
            role="option"
            aria-selected={keyOf(item) === selected}
            aria-setsize={items.length}
            aria-posinset={from + index + 1}
            style={{ height: `${rowHeight}px`, top: `${(from + index) * rowHeight}px` }}
            onClick={() => onSelect?.(item)}
          >
            {children(item)}
          </div>
        ))}
      </div>
    </div>
  );
}
