import type { TokenCheck } from '../../../src/consoleApi';
import { rfcLink } from './rfcLink';

const titles: Record<TokenCheck['name'], string> = {
  form: 'Form',
  algorithm: 'Algorithm',
  key: 'Key',
  signature: 'Signature',
  issuer: 'Issuer',
  audience: 'Audience',
  times: 'Times',
  scopes: 'Scopes',
};

/** What a resource server checks, in its order: each with its outcome, what was found, and where it is specified. */
export function TokenChecks({ checks }: { checks: readonly TokenCheck[] }) {
  return (
    <ol class="checks" aria-label="Checks">
      {checks.map((check) => (
        <li key={check.name} class={`check ${outcomeClass(check.passed)}`}>
          <span class="check-sign" aria-hidden="true">
            {sign(check.passed)}
          </span>
          <div>
            <strong>{titles[check.name]}</strong> <span class="check-outcome">{outcome(check.passed)}</span>
          </div>
          <Rfc rfc={check.rfc} />
          <p>{check.explanation}</p>
        </li>
      ))}
    </ol>
  );
}

function Rfc({ rfc }: { rfc: string }) {
  const link = rfcLink(rfc);
  if (link === null) return <span>{rfc}</span>;
  return (
    <a href={link} target="_blank" rel="noreferrer">
      {rfc}
    </a>
  );
}

function sign(passed: boolean | null): string {
  if (passed === null) return '–';
  return passed ? '✓' : '✗';
}

function outcome(passed: boolean | null): string {
  if (passed === null) return 'not checked';
  return passed ? 'passed' : 'failed';
}

function outcomeClass(passed: boolean | null): string {
  if (passed === null) return 'check-none';
  return passed ? 'check-passed' : 'check-failed';
}
