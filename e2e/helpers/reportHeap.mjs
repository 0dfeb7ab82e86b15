/**
 * Preloaded by a program the memory of which is measured: on SIGUSR2 it collects its garbage and tells
 * its parent process what is left, and the most memory it has had.
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
