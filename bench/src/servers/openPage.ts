/**
 * Does what an open page of local-stytch's console asks of the server: it reads the events, and shows the newest trace of
 * each.
 */
import { listen, setting } from './listen';

const base = setting('CONSOLE_URL');

async function readEvents(): Promise<void> {
  const { body } = await fetch(`${base}/local/events`);
  if (!body) throw new Error('there are no events');
  let text = '';
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    const newest = events.flatMap((event) => /"trace_id":"(\w+)"/g.exec(event)?.[1] ?? []).at(-1);
    if (newest !== undefined) await (await fetch(`${base}/local/traces/${newest}`)).arrayBuffer();
  }
}

// It measures nothing, so it has no route.
listen((_request, response) => response.writeHead(404).end());
void readEvents();
