import { join } from 'node:path';
import { builtProgram, type ProgramName } from '../../tools/dist/program';

/** How to start a server. */
export interface Recipe {
  name: string;
  /** What Node is called with. */
  arguments: string[];
  environment: Readonly<Record<string, string>>;
  /** Whether it tells the parent process its seed, as local-stytch does. */
  announcesSeed?: boolean;
}

/** A program of this repository exactly as `npm start` runs it: the same flags, the same defaults. */
export function program(name: ProgramName, environment: Recipe['environment'] = {}): Recipe {
  return {
    name,
    arguments: builtProgram(name),
    environment,
    announcesSeed: name === 'local-stytch',
  };
}

/** A server of `bench/src/servers`. */
export function server(name: string, environment: Recipe['environment'] = {}): Recipe {
  return { name, arguments: [join(__dirname, 'servers', `${name}.js`)], environment };
}
