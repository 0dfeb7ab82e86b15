import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/** Answers are data. If a browser shows one as a page, the page loads nothing, runs nothing and is not framed. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
};

/**
 * Creates a function that sets helmet's headers. They are the same for every answer, so helmet runs once. The names are
 * in lower case, which Node would otherwise make of each name for each answer.
 */
export function securityHeaders(): (response: ServerResponse) => void {
  const request = new IncomingMessage(new Socket());
  const example = new ServerResponse(request);
  helmet({ contentSecurityPolicy })(request, example, () => undefined);
  const headers = Object.entries(example.getHeaders()) as [string, string][];
  return (response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
  };
}
