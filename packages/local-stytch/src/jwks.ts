import { TransportError } from './errors';
import type { State } from './state';

/** @throws TransportError when the project of the path is not this one. */
export function requireProject(state: State, projectId: string): void {
  if (projectId !== state.projectId) throw new TransportError(404, 'projectNotFound');
}

/** GET /v1/sessions/jwks/{project_id}, and the same under /v1/b2b. Public: no credentials. */
export function getJwks(state: State, projectId: string) {
  requireProject(state, projectId);
  return { keys: state.keys.published() };
}
