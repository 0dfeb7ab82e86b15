/** A Stytch project and its address. */
export interface ProjectAddress {
  projectId: string;
  /** Base URL, for a custom domain or an emulator. Default: Stytch's own. */
  baseUrl?: string | undefined;
}

/** The base URL of Stytch's API for a project, without a trailing slash. */
export function stytchBaseUrl({ projectId, baseUrl }: ProjectAddress): string {
  const own = projectId.startsWith('project-live-') ? 'https://api.stytch.com' : 'https://test.stytch.com';
  return (baseUrl ?? own).replace(/\/+$/, '');
}

/**
 * The token endpoint of a project (RFC 6749 §3.2).
 *
 * @example
 * import { tokenEndpoint } from 'stytch-m2m';
 *
 * console.log(tokenEndpoint({ projectId: 'project-test-1' }));
 */
export function tokenEndpoint(project: ProjectAddress): string {
  return `${stytchBaseUrl(project)}/v1/public/${project.projectId}/oauth2/token`;
}
