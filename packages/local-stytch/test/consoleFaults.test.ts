import { describeEffect, type FaultDraft, readFault } from '../console/tabs/faults/faultDraft';

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
    fault: {
      kind: 'status',
      path: '/v1/public/*',
      method: 'POST',
      status: 503,
      count: 2,
      retry_after_seconds: 5,
    },
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

test('The effect of a fault says what happens, and what depends on a known path', () => {
  const ofHang = describeEffect({ kind: 'hang', path: '/v1/m2m/clients' });

  expect(describeEffect({ kind: 'hang', path: ' /v1/m2m/* ' })).toBe(
    `${ofHang} Calls that create, change and rotate clients. Payments do not depend on them.`,
  );
});
