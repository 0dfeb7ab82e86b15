/**
 * Preloaded by every server that is measured. It reports to the parent process, when asked, what the server has used
 * so far. Between questions its only cost is one addition per connection.
 */
import { subscribe } from 'node:diagnostics_channel';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Question, Usage } from './protocol';

let socketsAccepted = 0;
subscribe('net.server.socket', () => {
  socketsAccepted += 1;
});

process.on('message', ({ id, ask }: Question<'usage' | 'collect'>) => {
  if (ask === 'collect') collectGarbage();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const answer: Usage = {
    cpuMicroseconds: user + system,
    rssBytes: rss,
    heapBytes: heapUsed + external,
    socketsAccepted,
  };
  process.send?.({ id, answer });
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
}
