import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Everything that the bench has started. What they write goes to files, as that of a service does. */
export class Processes {
  readonly #running = new Map<ChildProcess, Promise<unknown>>();
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
    const child = this.#spawn(recipe, log, preload);
    const { url, seed } = await this.#announcement(child, recipe, log);
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
    const child = this.#spawn(recipe, log, false);
    await this.#announcement(child, recipe, log);
    return (jobs) => this.#ask(child, recipe.name, jobs) as Promise<LoadResult[]>;
  }

  /** Ends everything that still runs, and removes what was written. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((child) => this.#end(child)));
    rmSync(this.#logs, { recursive: true, force: true });
  }

  #spawn({ arguments: script, environment }: Recipe, log: string, preload: boolean): ChildProcess {
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
    const ended = new Promise((resolve) => child.once('close', resolve));
    this.#running.set(child, ended);
    void ended.then(() => this.#running.delete(child));
    return child;
  }

  #announcement(child: ChildProcess, { name, announcesSeed = false }: Recipe, log: string) {
    return new Promise<Pick<Running, 'url' | 'seed'>>((resolve, reject) => {
      let url: string | undefined;
      let seed: Running['seed'] | undefined = announcesSeed ? undefined : {};
      child.on('message', (message: { listening?: string; seed?: Running['seed'] }) => {
        // By its number, or each connection would first ask what the name means.
        url ??= message.listening?.replace('//localhost', '//127.0.0.1');
        seed ??= message.seed;
        if (url !== undefined && seed) resolve({ url, seed });
      });
      child.once('close', (how) => {
        const words = readFileSync(log, 'utf8').slice(-2_000);
        reject(new Error(`${name} ended (${how ?? 'by a signal'}) before it listened:\n${words}`));
      });
    });
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
