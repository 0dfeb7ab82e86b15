import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import ignore from '@balena/dockerignore';
import { Copy, DockerfileParser, Env, From, Healthcheck, type Instruction } from 'dockerfile-ast';

export const repository = join(__dirname, '..', '..');

/** An image, or a stage of one, as a container would get it. */
export interface Image {
  /** The folder with its file system, without the files of its base image. */
  readonly root: string;
  /** Its base image, as the Dockerfile names it. */
  readonly base: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string;
  readonly stopSignal: string;
  readonly command: readonly string[];
  readonly healthcheck: readonly string[] | undefined;
}

/**
 * Builds the stages of the Dockerfile in folders instead of images. COPY from the repository follows .dockerignore.
 * RUN uses this machine's shell, in the folder of the working directory, so it may only use paths below that. The
 * files of a base image are missing.
 *
 * @param folder gets a folder for each stage.
 * @returns the stages by name.
 * @throws Error for an unknown instruction, and with the output of a command that fails.
 */
export function performDockerfile(folder: string): ReadonlyMap<string, Image> {
  const stages = new Map<string, Image>();
  let name = '';
  let image: Image | undefined;
  for (const instruction of readDockerfile()) {
    if (instruction instanceof From) {
      name = instruction.getBuildStage() ?? '';
      // The last stage fails on purpose.
      if (name === 'no-target') break;
      image = startStage(instruction, join(folder, name), stages);
    } else if (image) {
      image = perform(instruction, image, stages);
    } else if (instruction.getKeyword() !== 'ARG') {
      throw new Error(`${instruction.getKeyword()} before the first FROM`);
    }
    if (image) stages.set(name, image);
  }
  return stages;
}

export function readDockerfile(): Instruction[] {
  return DockerfileParser.parse(readFileSync(join(repository, 'Dockerfile'), 'utf8')).getInstructions();
}

function startStage(from: From, root: string, stages: ReadonlyMap<string, Image>): Image {
  const base = from.getImage() ?? '';
  const parent = stages.get(base);
  if (parent) copyFolder(parent.root, root);
  else mkdirSync(root, { recursive: true });
  return {
    ...(parent ?? {
      base,
      environment: {},
      workingDirectory: '/',
      user: '0:0',
      stopSignal: 'SIGTERM',
      command: [],
      healthcheck: undefined,
    }),
    root,
  };
}

function perform(instruction: Instruction, image: Image, stages: ReadonlyMap<string, Image>): Image {
  if (instruction instanceof Copy) {
    copy(instruction, image, stages);
    return image;
  }
  if (instruction instanceof Env) {
    const set = instruction.getProperties().map((one) => [one.getName(), one.getValue() ?? '']);
    return { ...image, environment: { ...image.environment, ...Object.fromEntries(set) } };
  }
  if (instruction instanceof Healthcheck) return { ...image, healthcheck: healthcheck(instruction) };
  const text = instruction.getArgumentsContent() ?? '';
  switch (instruction.getKeyword()) {
    case 'WORKDIR':
      mkdirSync(join(image.root, text), { recursive: true });
      return { ...image, workingDirectory: text };
    case 'RUN':
      run(text, image);
      return image;
    case 'USER':
      return { ...image, user: text };
    case 'STOPSIGNAL':
      return { ...image, stopSignal: text };
    case 'EXPOSE':
      return image;
    case 'CMD':
      return { ...image, command: JSON.parse(text) as string[] };
    default:
      throw new Error(`This test does not support ${instruction.getKeyword()}`);
  }
}

/** The command of a HEALTHCHECK in exec form. */
function healthcheck(instruction: Healthcheck): string[] | undefined {
  const [kind, ...command] = instruction.getArguments().map(String);
  return kind === 'CMD' ? (JSON.parse(command.join(' ')) as string[]) : undefined;
}

function copy(instruction: Copy, image: Image, stages: ReadonlyMap<string, Image>): void {
  const paths = instruction.getArguments().map(String);
  const target = paths.pop() ?? '';
  const to = join(image.root, posix.resolve(image.workingDirectory, target));
  const from = instruction.getFromFlag()?.getValue();
  for (const path of paths) {
    if (from == null) copyFromContext(path, target.endsWith('/') ? `${to}/` : to);
    else copyFolder(join(stages.get(from)?.root ?? `no stage ${from}`, path), to);
  }
}

/** Copies what .dockerignore allows: the content of a folder, or a file; into a folder if `to` ends with a slash. */
function copyFromContext(path: string, to: string): void {
  const isSent = ignore()
    .add(readFileSync(join(repository, '.dockerignore'), 'utf8'))
    .createFilter();
  const isFolder = statSync(join(repository, path)).isDirectory();
  const files = isFolder ? filesBelow(join(repository, path)) : [join(repository, path)];
  const sent = files.filter((file) => isSent(relative(repository, file)));
  if (sent.length === 0) throw new Error(`.dockerignore excludes all of ${path}`);
  for (const file of sent) {
    const name = isFolder ? relative(join(repository, path), file) : to.endsWith('/') ? basename(file) : '';
    mkdirSync(dirname(join(to, name)), { recursive: true });
    rmSync(join(to, name), { force: true });
    copyFileSync(file, join(to, name));
  }
}

/** Runs a command in this machine's shell, without `--mount` and without a type check, which `npm test` does. */
function run(text: string, image: Image): void {
  const command = text.replace(/^(--\S+\s+)+/, '').replace('tsc --build', 'tsc --build --noCheck');
  try {
    execFileSync('sh', ['-ec', command], {
      cwd: join(image.root, image.workingDirectory),
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        npm_config_prefer_offline: 'true',
        ...image.environment,
      },
      stdio: 'pipe',
    });
  } catch (error) {
    throw new Error(`RUN ${command}\n${String((error as { stderr?: Buffer }).stderr)}`, { cause: error });
  }
}

/** The files in a folder and below it. A symbolic link counts as a file and is not followed. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Copies the content of a folder into another: symbolic links as they are, files as hard links, which takes a
 * twentieth of the time. A program must replace such a file, as npm does, and not write into it.
 */
function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyFolder(source, copy);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), copy);
    else linkSync(source, copy);
  }
}
