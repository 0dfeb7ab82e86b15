import type { IncomingMessage } from 'node:http';

/** Reads the body of a request or an answer as JSON. */
export async function readJson(message: IncomingMessage): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    message.setEncoding('utf8');
    message.on('data', (piece: string) => (received += piece));
    message.once('error', reject);
    message.once('end', () => {
      resolve(received);
    });
  });
  return JSON.parse(text) as unknown;
}
