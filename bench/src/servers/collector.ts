/** Receives spans and answers at once. */
import { listen } from './listen';

listen((request, response) => {
  request.resume().once('end', () => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  });
});
