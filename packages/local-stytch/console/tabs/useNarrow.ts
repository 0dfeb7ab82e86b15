import { useEffect, useState } from 'preact/hooks';

const query = '(max-width: 719px)';

/** Whether the window is too narrow for a row of columns. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const follow = () => {
      setNarrow(media.matches);
    };
    media.addEventListener('change', follow);
    return () => {
      media.removeEventListener('change', follow);
    };
  }, []);
  return isNarrow;
}
