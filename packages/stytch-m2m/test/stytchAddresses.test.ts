import { tokenEndpoint } from '../src';
import { stytchBaseUrl } from '../src/stytch/addresses';

test.each([
  ['project-test-1', undefined, 'https://test.stytch.com'],
  ['project-live-1', undefined, 'https://api.stytch.com'],
  ['project-live-1', 'http://localhost:5005', 'http://localhost:5005'],
  ['project-live-1', 'https://login.bank.example/', 'https://login.bank.example'],
])('When the project is %s and the base URL %s, then Stytch is at %s', (projectId, baseUrl, address) => {
  expect(stytchBaseUrl({ projectId, baseUrl })).toBe(address);
  expect(tokenEndpoint({ projectId, baseUrl })).toBe(`${address}/v1/public/${projectId}/oauth2/token`);
});
