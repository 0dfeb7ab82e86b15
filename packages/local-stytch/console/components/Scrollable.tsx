import type { ComponentChild } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface Props {
  label: string;
  class?: string;
  children: ComponentChild;
}

/** A box that the keyboard can scroll, when its content is larger. */
export function Scrollable({ label, class: name = '', children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      const { scrollWidth = 0, clientWidth = 0, scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
      setScrolls(scrollWidth > clientWidth || scrollHeight > clientHeight);
    });
    for (const { current } of [box, content]) if (current) observer.observe(current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return (
    <div
      ref={box}
      class={`scrollable ${name}`}
      {...(scrolls && { tabIndex: 0, role: 'group', 'aria-label': label })}
    >
      <div ref={content} class="scrolled">
        {children}
      </div>
    </div>
  );
}
