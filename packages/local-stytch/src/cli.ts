#!/usr/bin/env node
import { ConfigError, type Environment, exit, runProgram } from 'service-kit';
import { type CommandOptions, help, readCommandLine } from './commandLine';
import { runCommand } from './exec';
import { describeProject } from './output';
import { type Project, startProject } from './project';
import { readVersion } from './version';

async function main(commandLine: readonly string[]): Promise<void> {
  const line = readCommandLine(commandLine);
  switch (line.kind) {
    case 'help':
      process.stdout.write(help);
      return;
    case 'version':
      process.stdout.write(`${readVersion()}\n`);
      return;
    case 'serve':
      await serve(line.options);
      return;
    case 'exec':
      process.exitCode = await execute(line.options, line.command);
  }
}

async function serve(options: CommandOptions): Promise<void> {
  let environment: Environment = {};
  const project = await runProgram<Project>(
    (loaded) => {
      environment = loaded;
      return startProject(options, loaded);
    },
    [process.cwd()],
  );
  process.stdout.write(describeProject(project, environment, options.json));
}

/** Returns the exit code. */
async function execute(options: CommandOptions, command: readonly [string, ...string[]]): Promise<number> {
  const { NODE_ENV = '' } = process.env;
  const project = await startProject(options, { NODE_ENV });
  try {
    const { env, adminToken } = project;
    const admin = adminToken === undefined ? {} : { LOCAL_STYTCH_ADMIN_TOKEN: adminToken };
    return await runCommand(command, { ...process.env, ...env, ...admin });
  } finally {
    await project.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String((error as Error).stack)}\n`);
  return exit(1);
});
