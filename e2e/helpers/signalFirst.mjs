/**
 * For `node --import`: sends the signal SIGNAL_FIRST to the process after the first import of its main file and before
 * the second.
 */
import Module from 'node:module';
import process from 'node:process';

const { SIGNAL_FIRST } = process.env;
const load = Module._load;
let imports = 0;
Module._load = (request, parent, ...rest) => {
  if (parent?.filename === process.argv[1] && (imports += 1) === 2) process.kill(process.pid, SIGNAL_FIRST);
  return load(request, parent, ...rest);
};
