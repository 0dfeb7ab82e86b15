import { describeFault, type FaultDraft, readFault } from '../console/tabs/faults/faultForm';

const draft: FaultDraft = {
  kind: 'status',
  path: '/v1/public/*',
  method: '',
  count: '',
  milliseconds: '',
  status: '503',
  retryAfterSeconds: '',
};

test('When optional fields of a fault are empty, then they are not sent', () => {
  expect(readFault(draft)).toEqual({ fault: { kind: 'status', path: '/v1/public/*', status: 503 } });
});

test('When a fault has all fields, then all are sent', () => {
  expect(readFault({ ...draft, method: 'POST', count: '2', retryAfterSeconds: '5' })).toEqual({
    fault: { kind: 'status', path: '/v1/public/*', method: 'POST', status: 503, count: 2, retry_after_seconds: 5 },
  });
});

test('When another kind is chosen, then the parameters of the first are not sent', () => {
  expect(readFault({ ...draft, kind: 'hang', milliseconds: '100' })).toEqual({
    fault: { kind: 'hang', path: '/v1/public/*' },
  });
});

test.each<[string, Partial<FaultDraft>, keyof FaultDraft]>([
  ['a path without a slash', { path: 'v1' }, 'path'],
  ['an empty path', { path: ' ' }, 'path'],
  ['a count of 0', { count: '0' }, 'count'],
  ['half a request', { count: '1.5' }, 'count'],
  ['a status that is no error', { status: '200' }, 'status'],
  ['no delay', { kind: 'delay' }, 'milliseconds'],
  ['a delay that is no number', { kind: 'delay', milliseconds: 'long' }, 'milliseconds'],
])('When the form of a fault has %s, then the error is at that field', (_name, change, field) => {
  const read = readFault({ ...draft, ...change });

  expect('errors' in read && Object.keys(read.errors)).toEqual([field]);
});

test('A fault in effect is described in words', () => {
  const active = { id: 1, hits: 0, remaining: null };

  expect(describeFault({ ...active, kind: 'status', path: '*', status: 429, retry_after_seconds: 2 })).toBe(
    'Error status 429, Retry-After: 2 s for everything',
  );
  expect(describeFault({ ...active, kind: 'delay', path: '/v1/m2m/*', method: 'PUT', milliseconds: 500 })).toBe(
    'Delay of 500 ms for PUT /v1/m2m/*',
  );
  expect(describeFault({ ...active, kind: 'hang', path: '*' })).toBe('No answer for everything');
});
