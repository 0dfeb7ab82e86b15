/**
 * Preloaded by a program whose memory is measured. On SIGUSR2 the program collects its garbage and reports to its
 * parent process the heap that is left and the most memory that it has used.
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
process.on('SIGUSR2', () => {
  collectGarbage();
  process.send({ heapBytes: process.memoryUsage().heapUsed, mostKilobytes: process.resourceUsage().maxRSS });
});
