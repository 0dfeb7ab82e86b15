import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { Field } from '../components/Field';
import { clients, info } from '../live';
import type { CallToken, ServiceCall } from '../../src/consoleApi';
import { runs, runScenario } from './runs';
import { StepList } from './StepList';

const runId = 'call form';
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const emptyForm = {
  service: '',
  method: 'GET',
  path: '/',
  body: '',
  token: 'none',
  client: '',
  scope: '',
  text: '',
};
type Form = typeof emptyForm;

/** Makes one call of a service. */
export function CallForm() {
  const form = useSignal(emptyForm);
  const failures = useSignal<Partial<Record<keyof Form, string>>>({});
  const sent = useSignal<ServiceCall | null>(null);
  const services = [...(info.value?.services ?? []).map(({ name }) => name), 'local-stytch'];
  const hasScenarios = (info.value?.scenarios.length ?? 0) > 0;
  const set = (name: keyof Form) => (event: { currentTarget: { value: string } }) => {
    form.value = { ...form.value, [name]: event.currentTarget.value };
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const read = readForm(form.value, services);
    failures.value = read.failures;
    if (!read.call) return;
    sent.value = read.call;
    const title = `${read.call.method} ${read.call.path}`;
    void runScenario({ id: runId, steps: [{ title, call: read.call }] });
  };
  const { service, method, path, body, token, client, scope, text } = form.value;
  const select = (label: string, name: keyof Form, value: string, options: readonly [string, string][]) => (
    <Field label={label} {...errorOf(failures.value[name])}>
      {(field) => (
        <select {...field} value={value} onChange={set(name)}>
          {options.map(([option, shown]) => (
            <option key={option} value={option}>
              {shown}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  const line = (label: string, name: keyof Form, value: string): ComponentChild => (
    <Field label={label} {...errorOf(failures.value[name])}>
      {(field) => (
        <input {...field} value={value} spellcheck={false} autocomplete="off" onInput={set(name)} />
      )}
    </Field>
  );
  return (
    <details class="card" open={!hasScenarios}>
      <summary>Call a service</summary>
      <form class="stack tight call-form" onSubmit={submit}>
        {select(
          'Service',
          'service',
          service || (services[0] ?? ''),
          services.map((name) => [name, name]),
        )}
        <div class="method-path">
          {select(
            'Method',
            'method',
            method,
            methods.map((name) => [name, name]),
          )}
          {line('Path', 'path', path)}
        </div>
        {method !== 'GET' && (
          <Field label="Body (JSON)" {...errorOf(failures.value.body)}>
            {(field) => <textarea {...field} value={body} spellcheck={false} onInput={set('body')} />}
          </Field>
        )}
        {select('Access token', 'token', token, [
          ['none', 'None'],
          ['client', 'Of a client'],
          ['text', 'A text'],
        ])}
        {token === 'client' &&
          select(
            'Client',
            'client',
            client || (clients.value[0]?.client_id ?? ''),
            clients.value.map(({ client_id: id, client_name: name }) => [id, name || id]),
          )}
        {token === 'client' && line('Scopes (empty: all of the client)', 'scope', scope)}
        {token === 'text' && line('Token', 'text', text)}
        <div>
          <button type="submit" class="button">
            Call
          </button>
        </div>
      </form>
      {sent.value && (
        <StepList
          scenario={{ id: runId, title: 'Call', steps: [{ title: 'Your call', call: sent.value }] }}
          run={runs.value.get(runId)}
        />
      )}
    </details>
  );
}

function errorOf(error: string | undefined) {
  return error === undefined ? {} : { error };
}

interface ReadForm {
  call?: ServiceCall;
  failures: Partial<Record<keyof Form, string>>;
}

function readForm(form: Form, services: readonly string[]): ReadForm {
  const { service, method, path, body } = form;
  if (!/^\/(?![/\\])/.test(path)) return { failures: { path: 'A path begins with one slash.' } };
  const token = readToken(form);
  if (token === 'missing client')
    return { failures: { client: 'There is no client. Create one in Clients.' } };
  const call: ServiceCall = {
    service: service || (services[0] ?? ''),
    method: methods.find((name) => name === method) ?? 'GET',
    path,
    ...(token && { token }),
  };
  if (method === 'GET' || body.trim() === '') return { call, failures: {} };
  try {
    return { call: { ...call, body: JSON.parse(body) as unknown }, failures: {} };
  } catch (error) {
    return { failures: { body: `Not JSON: ${(error as Error).message}` } };
  }
}

function readToken({ token, client, scope, text }: Form): CallToken | undefined | 'missing client' {
  if (token === 'text') return { kind: 'text', text };
  if (token !== 'client') return undefined;
  const id = client || clients.value[0]?.client_id;
  if (id === undefined) return 'missing client';
  return { kind: 'client', client_id: id, ...(scope.trim() !== '' && { scope: scope.trim() }) };
}
