import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { announcementOf, type End, endOf } from '../../tools/dist/childProcess';
import type { LoadJob, LoadResult, Question, Usage } from './protocol';
import type { Recipe } from './recipes';

/** How long a process may take to stop. Milliseconds. */
const longestStop = 3_000;

/** A running server. */
export interface Running {
  readonly name: string;
  /** Where it listens. */
  readonly url: string;
  /** From spawn to listening. Milliseconds. */
  readonly startMilliseconds: number;
  /** The environment variables that make a service use local-stytch. Empty for every other program. */
  readonly seed: Readonly<Record<string, string>>;
  /** What it has used so far. With `collect` it collects its garbage first. */
  usage(collect?: 'collect'): Promise<Usage>;
  stop(): Promise<void>;
}

interface Started {
  child: ChildProcess;
  ended: Promise<End>;
}

/** The processes that the benchmark has started. Their output goes to files, like that of a service. */
export class Processes {
  readonly #running = new Map<ChildProcess, Promise<End>>();
  readonly #logs = mkdtempSync(join(tmpdir(), 'bench-'));
  #started = 0;
  #questions = 0;

  /**
   * Starts a server and waits until it listens.
   *
   * @throws Error when it ends before that, with the end of its output.
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

  /** Ends all running processes and removes their output. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((child) => this.#end(child)));
    rmSync(this.#logs, { recursive: true, force: true });
  }

  #spawn({ arguments: script, environment }: Recipe, log: string, preload: boolean): Started {
    const output = openSync(log, 'w');
    const report = preload ? ['--require', join(__dirname, 'report.js')] : [];
    // A minimal environment, so that results do not depend on the environment of the user.
    const child = spawn(process.execPath, [...report, ...script], {
      env: { PATH: process.env.PATH, DOTENV: 'off', LOG_LEVEL: 'info', PORT: '0', ...environment },
      stdio: ['ignore', output, output, 'ipc'],
      // Ctrl-C in the terminal reaches only the benchmark, which then ends its processes.
      detached: true,
    });
    closeSync(output);
    // Each open question has a listener.
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
      const onEnd = () => {
        reject(new Error(`${name} ended unexpectedly`));
      };
      const onMessage = (message: { id?: number; answer?: unknown }) => {
        if (message.id !== id) return;
        child.off('message', onMessage).off('close', onEnd);
        resolve(message.answer);
      };
      child.on('message', onMessage).once('close', onEnd);
      child.send({ id, ask } satisfies Question<unknown>, (error) => {
        if (error) onEnd();
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
