import { type ClientRequest, get } from 'node:http';
import type { Change } from '../../src/consoleApi';

/** A page that listens. */
export interface Listener {
  /** Every change so far. */
  changes: Change[];
  /** The rest of the stream: retry and comments. */
  others: string[];
  /** Resolves once a change fits. */
  until(fits: (change: Change) => unknown): Promise<Change>;
  /** Resolves when the server ends the stream. */
  ended: Promise<void>;
  close(): void;
}

/** Opens a stream of events, and resolves once it is open. */
export function listen(url: string, headers: Record<string, string> = {}): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = get(`${url}/local/events`, { headers, agent: false }, (response) => {
      const { statusCode = 0 } = response;
      if (statusCode !== 200) {
        response.resume();
        reject(new Error(`answered ${statusCode}`));
        return;
      }
      const listener: Omit<Listener, 'ended' | 'until' | 'close'> = { changes: [], others: [] };
      const waiting = new Set<() => void>();
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const events = (text + chunk).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) read(event, listener);
        for (const check of waiting) check();
      });
      const ended = new Promise<void>((end) => {
        response.once('close', end);
        response.once('error', () => undefined);
      });
      const until = (fits: (change: Change) => unknown) =>
        new Promise<Change>((found) => {
          const check = () => {
            const change = listener.changes.find(fits);
            if (!change) return;
            waiting.delete(check);
            found(change);
          };
          waiting.add(check);
          check();
        });
      resolve({ ...listener, until, ended, close: () => request.destroy() });
    });
    request.on('error', reject);
  });
}

function read(event: string, { changes, others }: Pick<Listener, 'changes' | 'others'>): void {
  const [, data] = /^event: change\ndata: (.*)$/.exec(event) ?? [];
  if (data === undefined) {
    others.push(event);
    return;
  }
  changes.push(JSON.parse(data) as Change);
}
