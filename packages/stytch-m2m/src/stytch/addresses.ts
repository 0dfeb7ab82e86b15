/** A Stytch project and its address. */
export interface ProjectAddress {
  projectId: string;
  /** Base URL, for a custom domain or an emulator. Default: Stytch's own. */
  baseUrl?: string | undefined;
}

/**
 * The base URL of Stytch's API for a project, without a trailing slash.
 *
 * @throws TypeError when the project's id is missing, or the base URL is not one of http or https.
 */
export function stytchBaseUrl({ projectId, baseUrl }: ProjectAddress): string {
  if (typeof (projectId as unknown) !== 'string' || projectId === '') {
    throw new TypeError('projectId must be the id of a Stytch project');
  }
  if (baseUrl !== undefined && !/^https?:\/\/./.test(baseUrl)) {
    throw new TypeError('baseUrl must begin with https:// or http://');
  }
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
