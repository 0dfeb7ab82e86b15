import type { Environment } from 'service-kit';
import type { Project } from './project';

/**
 * What the command prints once it listens.
 *
 * @param environment variables that it has already are not printed again, so that secrets are shown once.
 */
export function describeProject(project: Project, environment: Environment, json: boolean): string {
  const { url, port, projectId, env, clients, adminToken } = project;
  if (json) return `${JSON.stringify({ url, port, projectId, env, clients, adminToken })}\n`;
  const lines = [`local-stytch listens on ${url}. Ctrl-C stops it.`, `The console: ${url}/`, ''];
  const missing = Object.entries(env).filter(([name, value]) => environment[name] !== value);
  if (missing.length === 0) lines.push('The environment already points at it.', '');
  else
    lines.push('Put these lines into .env:', '', ...missing.map(([name, value]) => `${name}=${value}`), '');
  const others = clients.slice(1);
  if (others.length > 0) {
    lines.push('Further clients:', '');
    for (const { name, id, secret = '(as before)' } of others) lines.push(`${name}: ${id} ${secret}`);
    lines.push('');
  }
  if (adminToken !== undefined) {
    lines.push(
      'Other machines can call it. Its admin API, /local, requires this token:',
      '',
      `LOCAL_STYTCH_ADMIN_TOKEN=${adminToken}`,
      '',
    );
  }
  return lines.join('\n');
}
