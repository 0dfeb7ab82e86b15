import { readClaimsTemplate, renderClaims } from '../src/claimsTemplate';

describe('a claims template', () => {
  const metadata = { tenant: 'acme', limits: { orders: 7 }, roles: ['a', 'b'], 'with-dash': true };
  const render = (template: string | Record<string, unknown>) =>
    renderClaims(readClaimsTemplate(template), metadata);

  test('replaces a placeholder that is a whole string by the value, of any type', () => {
    const template = {
      tenant: '{{ client.trusted_metadata.tenant }}',
      orders: '{{client.trusted_metadata.limits.orders}}',
      roles: '{{ client.trusted_metadata.roles }}',
      nested: { list: ['{{ client.trusted_metadata.with-dash }}', 1, null] },
    };

    expect(render(template)).toEqual({
      tenant: 'acme',
      orders: 7,
      roles: ['a', 'b'],
      nested: { list: [true, 1, null] },
    });
  });

  test('puts values into text, objects as JSON and missing ones as nothing', () => {
    const text = (name: string) => `<{{ client.trusted_metadata.${name} }}>`;

    expect(render({ a: text('tenant'), b: text('limits'), c: text('missing') })).toEqual({
      a: '<acme>',
      b: '<{"orders":7}>',
      c: '<>',
    });
  });

  test('leaves out what the client does not have', () => {
    expect(
      render({ a: '{{ client.trusted_metadata.missing }}', b: ['{{ client.trusted_metadata.x.y }}'] }),
    ).toEqual({
      b: [],
    });
    expect(render({ a: '{{ client.trusted_metadata.constructor }}' })).toEqual({});
  });

  test('may be text in which a placeholder has no quotes', () => {
    expect(
      render('{ "t": {{ client.trusted_metadata.tenant }}, "u": "x {{ client.trusted_metadata.tenant }}" }'),
    ).toEqual({ t: 'acme', u: 'x acme' });
  });

  test.each<[string | Record<string, unknown>, RegExp]>([
    ['{', /not valid JSON/],
    ['[]', /must be a JSON object/],
    ['{"sub":"x"}', /cannot set sub/],
    [{ exp: 1 }, /cannot set exp/],
    [{ a: '{{ request.x }}' }, /\{\{ request\.x \}\} is unknown/],
    [{ a: ['{{ client.trusted_metadata }}'] }, /is unknown/],
  ])('%j is refused', (template, message) => {
    expect(() => readClaimsTemplate(template)).toThrow(message);
  });
});
