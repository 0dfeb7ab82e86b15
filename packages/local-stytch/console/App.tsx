import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { signedOut } from './api';
import { Banner } from './components/Banner';
import { TokenForm } from './components/TokenForm';
import { FlowTab } from './flow/FlowTab';
import { connected, info } from './live';
import { ClientsTab } from './tabs/ClientsTab';
import { FaultsTab } from './tabs/FaultsTab';
import { RequestsTab } from './tabs/RequestsTab';
import { TokensTab } from './tabs/TokensTab';

const tabs = [
  { id: 'flow', name: 'Flow', Panel: FlowTab },
  { id: 'requests', name: 'Requests', Panel: RequestsTab },
  { id: 'clients', name: 'Clients', Panel: ClientsTab },
  { id: 'tokens', name: 'Tokens', Panel: TokensTab },
  { id: 'faults', name: 'Faults', Panel: FaultsTab },
] as const;

/** In the URL's hash, so that a reload and the back button keep it. */
const current = signal(tabOfHash());

function tabOfHash(): number {
  const found = tabs.findIndex(({ id }) => `#${id}` === location.hash);
  return Math.max(found, 0);
}

/** The whole page. */
export function App() {
  useEffect(() => {
    const follow = () => {
      current.value = tabOfHash();
    };
    window.addEventListener('hashchange', follow);
    return () => {
      window.removeEventListener('hashchange', follow);
    };
  }, []);
  const header = useRef<HTMLElement>(null);
  useEffect(() => {
    // What is below the header, and sticks, or is scrolled to, has to know its height.
    const observer = new ResizeObserver(() => {
      const { offsetHeight = 0 } = header.current ?? {};
      document.documentElement.style.setProperty('--top-height', `${offsetHeight}px`);
    });
    if (header.current) observer.observe(header.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return (
    <>
      <header class="top" ref={header}>
        <div class="top-row">
          <h1 class="brand">
            <Logo /> local-stytch
          </h1>
          <span class="project mono">{info.value?.project_id}</span>
          <Connection />
        </div>
        <Banner />
        {!signedOut.value && <TabList />}
      </header>
      <main>{signedOut.value ? <TokenForm /> : <Panel />}</main>
    </>
  );
}

function Connection() {
  return (
    <span role="status" class={connected.value ? 'connection live' : 'connection'}>
      {connected.value ? 'Live' : 'Reconnecting'}
    </span>
  );
}

function TabList() {
  const choose = (index: number) => {
    const { id } = tabs[(index + tabs.length) % tabs.length] ?? tabs[0];
    location.hash = id;
    document.getElementById(`tab-${id}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const targets: Record<string, number> = {
      ArrowLeft: current.value - 1,
      ArrowRight: current.value + 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    choose(target);
  };
  return (
    <div role="tablist" aria-label="Console" class="tabs" onKeyDown={onKeyDown}>
      {tabs.map(({ id, name }, index) => {
        const selected = index === current.value;
        return (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tab-${id}`}
            aria-selected={selected}
            aria-controls={selected ? 'panel' : undefined}
            tabIndex={selected ? 0 : -1}
            onClick={() => {
              choose(index);
            }}
          >
            {name}
          </button>
        );
      })}
    </div>
  );
}

function Panel() {
  const { id, Panel: Content } = tabs[current.value] ?? tabs[0];
  return (
    <div role="tabpanel" id="panel" aria-labelledby={`tab-${id}`} class="panel" key={id}>
      <Content />
    </div>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true">
      <rect width="16" height="16" rx="4" class="logo-box" />
      <path
        d="M4 6h7M8.500 3.500 11 6 8.500 8.500M12 10H5M7.500 7.500 5 10l2.500 2.500"
        class="logo-arrows"
      />
    </svg>
  );
}
