/** Where a project's access tokens come from: at Stytch, or at the address that stands in for it. */
export function tokenEndpoint(project: {
  STYTCH_PROJECT_ID: string;
  STYTCH_BASE_URL?: string | undefined;
}): string {
  const { STYTCH_PROJECT_ID, STYTCH_BASE_URL } = project;
  const live = STYTCH_PROJECT_ID.startsWith('project-live-');
  const stytch = STYTCH_BASE_URL ?? (live ? 'https://api.stytch.com' : 'https://test.stytch.com');
  return `${stytch}/v1/public/${STYTCH_PROJECT_ID}/oauth2/token`;
}
