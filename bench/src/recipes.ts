import { join } from 'node:path';
import { builtProgram, type ProgramName } from '../../tools/dist/program';

/** How to start a server. */
export interface Recipe {
  name: string;
  /** The arguments for Node. */
  arguments: string[];
  environment: Readonly<Record<string, string>>;
}

/** A program of this repository, with the flags and defaults of `npm start`. */
export function program(name: ProgramName, environment: Recipe['environment'] = {}): Recipe {
  return { name, arguments: builtProgram(name), environment };
}

/** A server of `bench/src/servers`. */
export function server(name: string, environment: Recipe['environment'] = {}): Recipe {
  return { name, arguments: [join(__dirname, 'servers', `${name}.js`)], environment };
}
