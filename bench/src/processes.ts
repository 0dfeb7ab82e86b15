import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announcementOf, type End, endOf } from '../../tools/dist/childProcess';
import type { LoadJob, LoadResult, Question, Usage } from './protocol';
import type { Recipe } from './recipes';

/** How long a process that is told to stop may take. Milliseconds. */
const longestStop = 3_000;

/** A server, or the load generator, as a process of its own. */
export interface Running {
  readonly name: string;
  /** Where it listens. */
  readonly url: string;
  /** From the order to start it to its word that it listens. Milliseconds. */
  readonly startMilliseconds: number;
  /** What local-stytch hands out: the variables that point a service at it. */
  readonly seed: Readonly<Record<string, string>>;
  /** What it has used so far. `collect` has it collect its garbage first. */
  usage(collect?: 'collect'): Promise<Usage>;
  stop(): Promise<void>;
}

interface Started {
  child: ChildProcess;
  ended: Promise<End>;
}

/** Everything that the bench has started. What they write goes to files, as that of a service does. */
export class Processes {
  readonly #running = new Map<ChildProcess, Promise<End>>();
  readonly #logs = mkdtempSync(join(tmpdir(), 'bench-'));
  #started = 0;
  #questions = 0;

  /**
   * Starts a server and waits until it says that it listens.
   *
   * @throws Error when it ends before that, with the last of what it wrote.
   */
  async start(recipe: Recipe, { preload = true } = {}): Promise<Running> {
    const log = join(this.#logs, `${(this.#started += 1)}.log`);
    const startedAt = performance.now();
    const started = this.#spawn(recipe, log, preload);
    const { child } = started;
    const { url, seed } = await announcement(started, recipe.name, log);
    return {
      name: recipe.name,
      url,
      seed,
      startMilliseconds: performance.now() - startedAt,
      usage: (collect) => this.#ask(child, recipe.name, collect ?? 'usage') as Promise<Usage>,
      stop: () => this.#end(child),
    };
  }

  /** Starts the load generator. */
  async startLoad(): Promise<(jobs: LoadJob[]) => Promise<LoadResult[]>> {
    const recipe = { name: 'load', arguments: [join(__dirname, 'load.js')], environment: {} };
    const log = join(this.#logs, 'load.log');
    const started = this.#spawn(recipe, log, false);
    await announcement(started, recipe.name, log);
    return (jobs) => this.#ask(started.child, recipe.name, jobs) as Promise<LoadResult[]>;
  }

  /** Ends everything that still runs, and removes what was written. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((child) => this.#end(child)));
    rmSync(this.#logs, { recursive: true, force: true });
  }

  #spawn({ arguments: script, environment }: Recipe, log: string, preload: boolean): Started {
    const output = openSync(log, 'w');
    const report = preload ? ['--require', join(__dirname, 'report.js')] : [];
    // A bare environment: what is measured must not depend on who measures.
    const child = spawn(process.execPath, [...report, ...script], {
      env: { PATH: process.env.PATH, DOTENV: 'off', LOG_LEVEL: 'info', PORT: '0', ...environment },
      stdio: ['ignore', output, output, 'ipc'],
      // Ctrl-C in the terminal reaches the bench alone, which then ends them.
      detached: true,
    });
    closeSync(output);
    // One for each question that waits, and a thousand of those would be no leak.
    child.setMaxListeners(0);
    const ended = endOf(child);
    this.#running.set(child, ended);
    void ended.then(() => this.#running.delete(child));
    return { child, ended };
  }

  /** @throws Error when the process ends before it answers. */
  #ask(child: ChildProcess, name: string, ask: unknown): Promise<unknown> {
    const id = (this.#questions += 1);
    return new Promise((resolve, reject) => {
      const gone = () => {
        reject(new Error(`${name} ended before its time`));
      };
      const hear = (message: { id?: number; answer?: unknown }) => {
        if (message.id !== id) return;
        child.off('message', hear).off('close', gone);
        resolve(message.answer);
      };
      child.on('message', hear).once('close', gone);
      child.send({ id, ask } satisfies Question<unknown>, (error) => {
        if (error) gone();
      });
    });
  }

  async #end(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), longestStop);
    await this.#running.get(child);
    clearTimeout(kill);
  }
}

/** @throws Error when the process ends before it listens, with the end of its output. */
async function announcement({ child, ended }: Started, name: string, log: string) {
  const { url, seed } = await announcementOf(child, name, ended).catch((error: unknown) => {
    const output = readFileSync(log, 'utf8').slice(-2_000);
    throw new Error(`${(error as Error).message}:\n${output}`, { cause: error });
  });
  // With the name, each new connection would first look it up.
  return { url: url.replace('//localhost', '//127.0.0.1'), seed };
}
