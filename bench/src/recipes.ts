import { join } from 'node:path';
import { builtProgram, type ProgramName } from '../../tools/dist/program';

/** How to start a server. */
export interface Recipe {
  name: string;
  /** What Node is called with. */
  arguments: string[];
  environment: Readonly<Record<string, string>>;
}

/** A program of this repository exactly as `npm start` runs it: the same flags, the same defaults. */
export function program(name: ProgramName, environment: Recipe['environment'] = {}): Recipe {
  return { name, arguments: builtProgram(name), environment };
}

/** A server of `bench/src/servers`. */
export function server(name: string, environment: Recipe['environment'] = {}): Recipe {
  return { name, arguments: [join(__dirname, 'servers', `${name}.js`)], environment };
}
