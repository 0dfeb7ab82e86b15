import { formatDuration } from '../format';
import { caller, type Diagram, type Note, type Return, type Row } from './diagram';

/** What a diagram shows, in sentences. They are in the order of its rows. */
export function explain({ rows }: Diagram): string[] {
  const sentences = rows.map((row, index) => explainRow(row, rows.slice(0, index)));
  return sentences.filter((sentence) => sentence !== undefined);
}

function explainRow(row: Row, before: readonly Row[]): string | undefined {
  if (row.kind === 'note') return explainNote(row, before);
  if (row.kind === 'call') return undefined;
  if (row.to.id === caller) return explainAnswer(row);
  if (row.outcome !== 'succeeded') return explainFailure(row);
  if (row.label === 'JWKS fetch') {
    return `${subject(row.to.id)} fetched the public keys of Stytch (JWKS), to check signatures with them.`;
  }
  return undefined;
}

function explainAnswer({ label, from, status, reason, durationMilliseconds }: Return): string {
  const time = formatDuration(durationMilliseconds);
  return status === null
    ? `${subject(from.id)} gave no answer to ${label} within ${time}${reason === null ? '.' : `: ${ended(reason)}`}`
    : `${subject(from.id)} answered ${label} with ${status} after ${time}.`;
}

function explainFailure({ label, from, to, status, reason }: Return): string | undefined {
  // Another sentence says why it refused.
  if (status !== null && status < 500 && from.id !== 'local-stytch') return undefined;
  // An error of stytch-m2m begins with what this sentence says.
  const why = reason?.replace(/^Stytch answered \d+ /, '');
  const because = why === undefined ? '' : ` (${why})`;
  const request = label.includes('/') ? label : `the ${label}`;
  return status === null
    ? `${subject(from.id)} gave ${object(to.id)} no answer to ${request}${because}.`
    : `${subject(from.id)} answered ${request} of ${object(to.id)} with ${status}${because}.`;
}

function explainNote(note: Note, before: readonly Row[]): string {
  const { topic, reason, label } = note;
  const who = subject(note.at.id);
  switch (topic.name) {
    case 'token':
      return explainToken(note, before);
    case 'rotation':
      return `${label}${reason === null ? (effects.get(topic.operation) ?? '') : `: ${reason}`}.`;
    case 'authorization':
      if (note.outcome === 'failed') return `${who} could not check the token: ${reason ?? topic.code}.`;
      if (note.outcome === 'refused') {
        const status = topic.status === null ? '' : `${topic.status}, `;
        return `${who} refused the call: ${status}${topic.code}: ${reason ?? ''}.${whatItMeans(topic.status)}`;
      }
      return topic.cached === true
        ? `${who} had verified this token before, so it only checked its times and scopes.`
        : `${who} verified the token itself, without asking Stytch about it: signature, issuer, audience, times and scopes${topic.scopes && ` (${topic.scopes})`}.`;
  }
}

/** What the steps of a rotation do to calls. */
const afterwards = ' for new tokens. Tokens that were issued before are valid until they expire';
const effects: ReadonlyMap<string, string> = new Map([
  ['start', ', so no call fails while one replaces the other'],
  ['complete', afterwards],
  ['rotate', afterwards],
]);

function whatItMeans(status: number | null): string {
  if (status === 401) return ' A 401 means: the call does not prove who the caller is.';
  if (status === 403) return ' A 403 means: the caller is known, but may not do this.';
  return '';
}

function explainToken({ topic, at, reason }: Note, before: readonly Row[]): string {
  const who = subject(at.id);
  if (reason !== null) return `${who} got no access token: ${reason}.`;
  const request = before.findLast(
    (row) => row.kind === 'return' && row.to.id === at.id && row.label === 'token request',
  );
  const time = request?.kind === 'return' ? `: ${formatDuration(request.durationMilliseconds)}` : '';
  switch (topic.name === 'token' ? topic.source : null) {
    case 'cache':
      return `${who} took its access token from its cache, so Stytch was not asked.`;
    case 'issued':
      return `${who} had no access token in its cache, so it asked Stytch for one${time}. The next calls take it from the cache.`;
    case 'refreshed':
      return `${who} asked Stytch for a new access token in place of the old one${time}. The next calls take it from the cache.`;
    default:
      return `${who} got an access token.`;
  }
}

function ended(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/** A service as the subject of a sentence. */
function subject(service: string): string {
  const words = object(service);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function object(service: string): string {
  if (service === 'local-stytch') return 'Stytch';
  return service === caller || /[-_ ](server|service|api|gateway)$/.test(service)
    ? `the ${service}`
    : service;
}
