import './closedNetwork';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import request from 'supertest';
import { expressClasses } from '../src/expressClasses';

test('When Node creates a request and a response, then Express does not change their prototypes', async () => {
  const app = express();
  app.get('/', (_request, response) => {
    response.json('answered');
  });
  const unchanged: boolean[] = [];
  const server = createServer(expressClasses(app), (incoming, outgoing) => {
    const before = [Object.getPrototypeOf(incoming), Object.getPrototypeOf(outgoing)] as unknown[];
    app(incoming, outgoing);
    const after = [Object.getPrototypeOf(incoming), Object.getPrototypeOf(outgoing)] as unknown[];
    unchanged.push(before[0] === after[0], before[1] === after[1]);
    unchanged.push(incoming instanceof IncomingMessage, outgoing instanceof ServerResponse);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await request(url).get('/').expect(200, '"answered"');

  expect(unchanged).toEqual([true, true, true, true]);
  server.close();
});
