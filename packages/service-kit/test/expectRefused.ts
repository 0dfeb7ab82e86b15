/** An answer, from any HTTP client. */
export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
  text: string;
}

/** Expects an error answer of a service: JSON with message, code and request id, and no internals. */
export function expectRefused(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status,
    body: { error: expect.any(String), code, request_id: answer.headers['x-request-id'] },
  });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.headers['x-powered-by']).toBeUndefined();
  expect(answer.text).not.toMatch(/\bat .*:\d+|node_modules|\.[jt]s\b/);
}
