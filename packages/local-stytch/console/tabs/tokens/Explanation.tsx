import { useState } from 'preact/hooks';
import type { ExplainedToken } from '../../../src/consoleApi';
import { state } from '../../live';
import { ErrorText } from '../ErrorText';
import { useLoaded } from '../useLoaded';
import { Decoded } from './Decoded';
import { EncodedToken } from './EncodedToken';
import { TimeLeft } from './TimeLeft';
import { TokenChecks } from './TokenChecks';
import { useNow } from './useNow';

interface ExplanationProps {
  /** Names the token, such as `token 3`. */
  subject: string;
  load: () => Promise<ExplainedToken>;
}

/** A token in its parts, with its time and its checks. It is explained again when the keys, clock or issuer change. */
export function Explanation({ subject, load }: ExplanationProps) {
  const { signing_keys: keys, clock_offset_seconds: offset, issuer } = state.value ?? {};
  const [hasExpired, setExpired] = useState(false);
  const version = JSON.stringify([keys, offset, issuer, hasExpired]);
  const { value, error, at } = useLoaded(subject, version, load);
  const now = useNow();
  const left = value?.expires_in_seconds == null ? null : value.expires_in_seconds - (now - at) / 1_000;
  const isExpired = left !== null && left <= 0;
  if (value && isExpired !== hasExpired) setExpired(isExpired);
  return (
    <>
      <ErrorText error={error} />
      {value && <Explained value={value} left={left} />}
    </>
  );
}

function Explained({ value, left }: { value: ExplainedToken; left: number | null }) {
  const { encoded, header, claims, lifetime_seconds: lifetime, checks, valid } = value;
  const now = Date.now() / 1_000 + (state.value?.clock_offset_seconds ?? 0);
  return (
    <div class="explained">
      <div class="stack">
        <p>
          <Verdict valid={valid} checks={checks} />
        </p>
        {left !== null && <TimeLeft left={left} lifetime={lifetime} />}
        {encoded && <EncodedToken encoded={encoded} />}
        {header && <Decoded part="header" title="Header" value={header} now={now} />}
        {claims && <Decoded part="payload" title="Payload: the claims" value={claims} now={now} />}
      </div>
      <section class="stack tight">
        <h3>What a resource server checks</h3>
        <TokenChecks checks={checks} />
      </section>
    </div>
  );
}

function Verdict({ valid, checks }: Pick<ExplainedToken, 'valid' | 'checks'>) {
  const failed = checks.find(({ passed }) => passed === false);
  // The token itself is valid then: the answer is 403 and not 401.
  const refusal = failed?.name === 'scopes' ? '✗ Insufficient scope' : '✗ Not valid';
  return (
    <>
      <span class={valid ? 'tag good' : 'tag bad'}>{valid ? '✓ Valid' : refusal}</span>{' '}
      {failed && <span>{failed.explanation}</span>}
    </>
  );
}
