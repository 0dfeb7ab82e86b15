import type { ListedFault } from '../../../src/consoleApi';

export type FaultKind = ListedFault['kind'];

/** The kinds of faults: their names on the page, and what one sees. */
export const faultKinds: Record<FaultKind, { title: string; sentence: string }> = {
  delay: {
    title: 'Delay',
    sentence: 'Answers later. A caller with a shorter timeout gives up; the others are slower.',
  },
  status: {
    title: 'Error status',
    sentence: 'Answers with an error in Stytch’s form, and does not run the operation.',
  },
  hang: { title: 'No answer', sentence: 'Never answers. The caller waits until its own timeout.' },
  stall: {
    title: 'Half an answer',
    sentence: 'Sends the beginning of an answer, and then nothing. The caller waits until its own timeout.',
  },
  drop: {
    title: 'Close the connection',
    sentence: 'Closes the connection before the operation runs. The caller sees a network error.',
  },
  drop_answer: {
    title: 'Run, then close the connection',
    sentence: 'Runs the operation and closes the connection. The caller cannot know that it has run.',
  },
  not_json: {
    title: 'HTML in place of JSON',
    sentence: 'Answers with a web page, as a proxy in between does. The operation does not run.',
  },
};

/** Paths to choose from, and what depends on them. */
export const pathPresets: readonly { title: string; path: string; sentence: string }[] = [
  {
    title: 'Token endpoint',
    path: '/v1/public/*',
    sentence:
      'No client gets a new access token. Services go on with the one in their cache until it expires.',
  },
  {
    title: 'JWKS',
    path: '/v1/sessions/jwks/*',
    sentence: 'Services fetch the signing keys here. With keys in their cache they go on for a while.',
  },
  {
    title: 'Management API',
    path: '/v1/m2m/*',
    sentence: 'Calls that create, change and rotate clients. Payments do not depend on them.',
  },
  { title: 'Everything', path: '*', sentence: 'The whole of Stytch’s API. This console is not affected.' },
];

/** The form, as text. */
export interface FaultDraft {
  kind: FaultKind;
  path: string;
  method: string;
  count: string;
  milliseconds: string;
  status: string;
  retryAfterSeconds: string;
}

export type FaultErrors = Partial<Record<keyof FaultDraft, string>>;

/** The body of `POST /local/faults`. */
type NewFault = Omit<ListedFault, 'id' | 'hits' | 'remaining'>;
type NumberField = 'count' | 'milliseconds' | 'status' | 'retry_after_seconds';

/** The numbers of a kind: the field of the form, the limits, and whether it can be empty. */
interface NumberRule {
  field: keyof FaultDraft;
  from: number;
  to: number;
  isOptional?: true;
}

const count: NumberRule = { field: 'count', from: 1, to: 1_000_000, isOptional: true };
const numbersOfKind: Partial<Record<FaultKind, Partial<Record<NumberField, NumberRule>>>> = {
  delay: { milliseconds: { field: 'milliseconds', from: 0, to: 600_000 } },
  status: {
    status: { field: 'status', from: 400, to: 599 },
    retry_after_seconds: { field: 'retryAfterSeconds', from: 0, to: 86_400, isOptional: true },
  },
  not_json: { status: { field: 'status', from: 200, to: 599 } },
};

/** Reads the form: the fault, or what is wrong with which field. */
export function readFault(draft: FaultDraft): { fault: NewFault } | { errors: FaultErrors } {
  const path = draft.path.trim();
  const fault: NewFault = { kind: draft.kind, path };
  const errors: FaultErrors = {};
  if (!/^(\/.*|\*)$/.test(path)) errors.path = 'The path must begin with /, or be * for all paths.';
  if (isMethod(draft.method)) fault.method = draft.method;
  const rules = { count, ...numbersOfKind[draft.kind] };
  for (const [name, rule] of Object.entries(rules) as [NumberField, NumberRule][]) {
    const text = draft[rule.field].trim();
    if (text === '' && rule.isOptional) continue;
    const value = Number(text);
    if (text !== '' && Number.isInteger(value) && value >= rule.from && value <= rule.to) fault[name] = value;
    else errors[rule.field] = `This must be a whole number from ${rule.from} to ${rule.to}.`;
  }
  return Object.keys(errors).length > 0 ? { errors } : { fault };
}

function isMethod(text: string): text is 'GET' | 'POST' | 'PUT' | 'DELETE' {
  return ['GET', 'POST', 'PUT', 'DELETE'].includes(text);
}

/** What one sees of the fault: what happens, and what depends on its paths. */
export function describeEffect({ kind, path }: Pick<FaultDraft, 'kind' | 'path'>): string {
  const preset = pathPresets.find((known) => known.path === path.trim());
  return [faultKinds[kind].sentence, preset?.sentence].filter(Boolean).join(' ');
}
