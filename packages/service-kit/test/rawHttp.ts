import { connect } from 'node:net';
import type { Answer } from './expectRefused';

/** Sends raw bytes, and reads until the server closes the connection. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (received += text));
    socket.once('error', reject);
    socket.once('close', () => {
      resolve(received);
    });
  });
}

/** Parses one received answer. */
export function parseAnswer(received: string): Answer {
  const [head = '', text = ''] = received.split('\r\n\r\n');
  const [statusLine = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    text,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}
