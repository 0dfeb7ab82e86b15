/**
 * For `node --import`: the process gets the signal SIGNAL_FIRST when its main file has loaded its first import, and
 * before it loads the second.
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
