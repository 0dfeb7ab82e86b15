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

/** What an image, or a stage on the way to one, would give to a container. */
export interface Image {
  /** The folder that stands for its file system, without what is in its base image. */
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
 * Performs the stages of a Dockerfile that give an image, in their order, in folders instead of images: COPY from the repository
 * heeds .dockerignore, RUN is run by this machine's shell in the folder that stands for the working directory,
 * so a RUN may only name paths below that. What comes with a base image is not there.
 *
 * @param folder where the stages' folders are to be.
 * @returns the stages by name.
 * @throws Error at an instruction that it does not know, and when a command fails: with what that wrote.
 */
export function performDockerfile(folder: string): ReadonlyMap<string, Image> {
  const stages = new Map<string, Image>();
  let name = '';
  let image: Image | undefined;
  for (const instruction of readDockerfile()) {
    if (instruction instanceof From) {
      name = instruction.getBuildStage() ?? '';
      // It fails on purpose, and is the last.
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
      throw new Error(`This test does not know ${instruction.getKeyword()}`);
  }
}

/** The command of a HEALTHCHECK, which has to be in exec form. */
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

/** Copies what .dockerignore lets through: of a folder, its content; into a folder, if `to` ends like one. */
function copyFromContext(path: string, to: string): void {
  const isSent = ignore()
    .add(readFileSync(join(repository, '.dockerignore'), 'utf8'))
    .createFilter();
  const isFolder = statSync(join(repository, path)).isDirectory();
  const files = isFolder ? filesBelow(join(repository, path)) : [join(repository, path)];
  const sent = files.filter((file) => isSent(relative(repository, file)));
  if (sent.length === 0) throw new Error(`.dockerignore leaves nothing of ${path}`);
  for (const file of sent) {
    const name = isFolder ? relative(join(repository, path), file) : to.endsWith('/') ? basename(file) : '';
    mkdirSync(dirname(join(to, name)), { recursive: true });
    rmSync(join(to, name), { force: true });
    copyFileSync(file, join(to, name));
  }
}

/**
 * Runs a command as the shell of the base image would, but for what `--mount` adds, and for the types, which
 * `npm test` has checked.
 */
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

/** The files in a folder and those below it; a link is one of them, and not followed. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Copies the content of a folder into another: symbolic links as they are, files as hard links, which takes a
 * twentieth of the time. What changes a file has to replace it, as npm does.
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
