/** A Stytch project, and where it is. */
export interface ProjectAddress {
  projectId: string;
  /** Another address than Stytch's own. */
  baseUrl?: string | undefined;
}

/** The address of Stytch's API for a project, without a slash at its end. */
export function stytchBaseUrl({ projectId, baseUrl }: ProjectAddress): string {
  const own = projectId.startsWith('project-live-') ? 'https://api.stytch.com' : 'https://test.stytch.com';
  return (baseUrl ?? own).replace(/\/+$/, '');
}

/** Where a project issues access tokens (RFC 6749 §3.2). */
export function tokenEndpoint(project: ProjectAddress): string {
  return `${stytchBaseUrl(project)}/v1/public/${project.projectId}/oauth2/token`;
}
