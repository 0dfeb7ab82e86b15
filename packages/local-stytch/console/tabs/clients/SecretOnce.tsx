import { useEffect, useRef } from 'preact/hooks';
import { Copy } from '../../components/Copy';
import { newSecret } from './changeClient';

interface SecretOnceProps {
  clientId: string;
  title: 'The secret' | 'The new secret';
}

/** A secret that was just made, until it is hidden. */
export function SecretOnce({ clientId, title }: SecretOnceProps) {
  const section = useRef<HTMLElement>(null);
  const secret = newSecret.value?.clientId === clientId ? newSecret.value.secret : undefined;
  useEffect(() => {
    section.current?.focus();
  }, [secret]);
  if (secret === undefined) return null;
  return (
    <section ref={section} class="secret" aria-label={title} tabIndex={-1}>
      <strong>{title}</strong>
      <code>{secret}</code>
      <p>Copy it now: it will not be shown again. local-stytch stores a hash only.</p>
      <div class="row">
        <Copy label={`Copy ${title.toLowerCase()}`} text={secret} />
        <button
          type="button"
          class="button small"
          onClick={() => {
            newSecret.value = null;
          }}
        >
          Hide it
        </button>
      </div>
    </section>
  );
}
