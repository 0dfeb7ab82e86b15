/**
 * Preloaded by a program whose heap is to be compared over time: on SIGUSR2 it collects its garbage and tells
 * its parent process what is left.
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
process.on('SIGUSR2', () => {
  collectGarbage();
  process.send({ heapBytes: process.memoryUsage().heapUsed });
});
