import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NewmanRunExecution, type NewmanRunSummary, run } from 'newman';
import type { VariableScopeDefinition } from 'postman-collection';
import { type Stack, startStack } from '../../tools/src/stack';
import { nameOf, operations } from '../helpers/apiDocument';

interface Item {
  name: string;
  item?: Item[];
  event?: { listen: string; script: { exec: string[] } }[];
  request?: { method: string; url: { raw: string; host: string[]; path: string[] } };
}

interface Environment {
  values: { key: string; value: string; type: string }[];
}

const collection = readPostman('stytch-m2m.postman_collection') as { item: Item[] };
const requests = requestsOf(collection.item);

function readPostman(name: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '..', '..', 'postman', `${name}.json`), 'utf8'));
}

function requestsOf(items: readonly Item[]): Item[] {
  return items.flatMap((item) => (item.item ? requestsOf(item.item) : [item]));
}

describe('The Postman collection', () => {
  test('has a request for every documented operation of every server', () => {
    const hosts = { 'payment-server': '{{payment_url}}', 'wallet-server': '{{wallet_url}}' };
    const missing = operations.filter(({ server, method, path }) => {
      const wanted = `${method.toUpperCase()} ${hosts[server]}${path.replace(/\{(\w+)\}/g, ':$1')}`;
      return !requests.some(({ request }) => wanted === `${request!.method} ${addressOf(request!.url)}`);
    });
    expect(missing.map(nameOf)).toEqual([]);
  });

  test('has tests in every request', () => {
    const untested = requests.filter(({ event = [] }) => {
      const script = event.find(({ listen }) => listen === 'test')?.script.exec.join('\n') ?? '';
      return !/pm\.test\([^]*(pm\.expect|pm\.response\.to)/.test(script);
    });
    expect(untested.map(({ name }) => name)).toEqual([]);
  });

  test('gives every request in a folder a unique name', () => {
    for (const names of foldersOf(collection.item)) expect(new Set(names).size).toBe(names.length);
  });

  test.each(['local', 'stytch'])('holds no secret, and neither does the %s environment', (name) => {
    const { values } = readPostman(`${name}.postman_environment`) as Environment;
    const secrets = values.filter(({ key }) => key.endsWith('_secret'));
    expect(secrets).toEqual([
      expect.objectContaining({ key: 'client_secret', type: 'secret', value: '' }),
      expect.objectContaining({ key: 'operator_client_secret', type: 'secret', value: '' }),
    ]);
    const { variable } = collection as unknown as { variable: { value: string }[] };
    for (const { value } of variable) expect(value).toBe('');
  });
});

describe('newman, with the collection and the local environment, on a running stack', () => {
  let stack: Stack | undefined;
  let summary: NewmanRunSummary | undefined;

  beforeAll(async () => {
    stack = await startStack({ local: true, environment: { PORT: '0', LOG_LEVEL: 'error' } });
    summary = await runCollection(environmentOf(stack));
  }, 60_000);

  afterAll(() => stack?.stop());

  test('reports no failure', () => {
    const failures = (summary?.run.failures ?? []).map(
      ({ source, error }) => `${source?.name ?? 'the collection'}: ${error.test} ${error.message}`,
    );
    expect(failures).toEqual([]);
    expect(summary?.error ?? null).toBeNull();
  });

  test('makes every request, with at least one test on each', () => {
    const executions: readonly NewmanRunExecution[] = summary?.run.executions ?? [];
    expect(executions.map(({ item }) => item.name)).toEqual(requests.map(({ name }) => name));
    for (const { assertions } of executions) expect(assertions.length).toBeGreaterThan(0);
  });

  test('ends with the current secret in the environment', async () => {
    const values = new Map(
      (summary?.environment as unknown as Environment).values.map(({ key, value }) => [key, value]),
    );
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: values.get('client_id')!,
      client_secret: values.get('client_secret')!,
    });
    const address = `${values.get('stytch_url')!}/v1/public/${values.get('project_id')!}/oauth2/token`;
    expect((await fetch(address, { method: 'POST', body })).status).toBe(200);
    expect(values.get('client_secret')).not.toBe(stack?.localStytch?.seed.CLIENT_SECRET);
  });
});

function addressOf({ host, path }: { host: string[]; path: string[] }): string {
  return `${host.join('.')}/${path.join('/')}`;
}

function foldersOf(items: readonly Item[]): string[][] {
  const folders = items.flatMap(({ item }) => (item ? foldersOf(item) : []));
  return [items.map(({ name }) => name), ...folders];
}

/** The local environment, filled in as a user does. */
function environmentOf({ localStytch, payment, wallet }: Stack): VariableScopeDefinition {
  const { seed, url } = localStytch!;
  const known: Record<string, string | undefined> = {
    payment_url: payment.url,
    wallet_url: wallet.url,
    stytch_url: url,
    project_id: seed.STYTCH_PROJECT_ID,
    client_id: seed.CLIENT_ID,
    client_secret: seed.CLIENT_SECRET,
    operator_client_id: seed.OPERATOR_CLIENT_ID,
    operator_client_secret: seed.OPERATOR_CLIENT_SECRET,
  };
  const { values } = readPostman('local.postman_environment') as Environment;
  expect(values.map(({ key }) => key).sort()).toEqual(Object.keys(known).sort());
  return { values: values.map((variable) => ({ ...variable, value: known[variable.key] })) };
}

function runCollection(environment: VariableScopeDefinition): Promise<NewmanRunSummary> {
  return new Promise((resolve, reject) => {
    run({ collection: collection, environment, timeout: 50_000 }, (error, summary) => {
      if (error) reject(error);
      else resolve(summary);
    });
  });
}
