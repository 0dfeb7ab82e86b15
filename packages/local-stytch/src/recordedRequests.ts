import type { Request, Response } from 'express';
import type { RequestDetails } from './consoleApi';
import { cut, maskForm, maskHeaders, maskJson, maskText } from './mask';

/** How many requests have details. */
const maxRequests = 1_000;
/** A longer body is cut. */
const maxCharacters = 8_000;

type Recorded = Omit<RequestDetails, 'request'>;

/** Headers and bodies of the last requests. Secrets and tokens are masked before they are stored. */
export class RecordedRequests {
  private readonly recorded = new Map<number, Recorded>();

  /** Records what is known when a request comes. */
  begin(id: number, { headers, url }: Request): void {
    const query = url.indexOf('?');
    this.recorded.set(id, {
      received: {
        headers: maskHeaders(headers),
        query: query < 0 ? null : cut(maskForm(url.slice(query + 1)), maxCharacters),
        body: null,
      },
      answered: null,
    });
    const [oldest] = this.recorded.keys();
    if (oldest !== undefined && this.recorded.size > maxRequests) this.recorded.delete(oldest);
  }

  /** Records the body of a request, and the answer if it was sent. */
  end(id: number, { body }: Pick<Request, 'body'>, response: Response): void {
    const recorded = this.recorded.get(id);
    if (!recorded) return;
    recorded.received.body = maskBody(body, maskForm);
    if (!response.headersSent) return;
    recorded.answered = {
      headers: maskHeaders(response.getHeaders()),
      body: maskBody(response.locals.body, maskText),
    };
  }

  get(id: number): Recorded | undefined {
    return this.recorded.get(id);
  }

  clear(): void {
    this.recorded.clear();
  }
}

/** @param body JSON, or a text. Undefined: none. */
function maskBody(body: unknown, maskString: (text: string) => string): string | null {
  if (body === undefined) return null;
  return typeof body === 'string' ? cut(maskString(body), maxCharacters) : maskJson(body, maxCharacters);
}
