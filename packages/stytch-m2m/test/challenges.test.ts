import { isInvalidTokenChallenge } from '../src';

test.each([
  ['Bearer realm="wallet-server", error="invalid_token"'],
  ['Bearer error="invalid_token"'],
  ['bearer error=invalid_token'],
  ['Bearer Error = "invalid_token" , error_description="expired"'],
  ['Bearer realm="say \\"hello\\", please", error="invalid_token"'],
  ['Basic realm="x", Bearer error="invalid_token"'],
  ['Negotiate, Bearer error="invalid_token"'],
  ['Negotiate YWJj==, Bearer error="invalid_token"'],
  ['Bearer realm="a", Bearer realm="b", error="invalid_token"'],
  [',, Bearer error="invalid\\_token",'],
])('When the challenge is %s, then it reports an invalid token', (header) => {
  expect(isInvalidTokenChallenge(header)).toBe(true);
});

test.each([
  [undefined],
  [''],
  [','],
  ['Bearer'],
  ['Bearer realm="wallet-server"'],
  ['Bearer error="insufficient_scope"'],
  ['Bearer error="invalid_tokens"'],
  ['Bearer realm="error=\\"invalid_token\\""'],
  ['Bearer realm="Bearer error=invalid_token"'],
  ['DPoP error="invalid_token"'],
  ['Bearer realm="a", DPoP error="invalid_token"'],
  ['Bearer error_description="invalid_token"'],
  ['Bearer error="invalid_token'],
  ['error="invalid_token"'],
  ['Bearer "invalid_token"'],
  ['Bearer error==invalid_token'],
])('When the challenge is %s, then it does not report an invalid token', (header) => {
  expect(isInvalidTokenChallenge(header)).toBe(false);
});
