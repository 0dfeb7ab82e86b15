import type { Request } from 'express';
import type { Logger } from 'service-kit';

/** What an operator changes. No field holds a secret, or a value of metadata. */
export interface Change {
  action:
    | 'create_client'
    | 'update_client'
    | 'delete_client'
    | 'start_secret_rotation'
    | 'complete_secret_rotation'
    | 'cancel_secret_rotation'
    | 'rotate_client_secret';
  /** The M2M client that is changed; not known yet when one is created. */
  clientId?: string | undefined;
  /** The names of the fields that are to change. */
  fields?: readonly string[];
}

/** Does what an operator asked for. */
export type Audit = <Result>(
  request: Request,
  change: Change,
  work: () => Promise<Result>,
) => Promise<Result>;

/**
 * Writes an audit line for each change: which operator asked for what, of which M2M client, and what came of it.
 *
 * @param createdClientId finds the id of a client that was created in Stytch's answer.
 */
export function createAudit(logger: Logger, createdClientId: (result: unknown) => string | undefined): Audit {
  return async ({ id, m2mClient }, { action, clientId, fields }, work) => {
    const line = {
      request_id: id,
      operator: m2mClient?.clientId,
      action,
      client_id: clientId,
      ...(fields && { fields }),
    };
    try {
      const result = await work();
      const audit = { ...line, client_id: clientId ?? createdClientId(result), outcome: 'done' };
      logger.info({ audit }, 'M2M client changed');
      return result;
    } catch (error) {
      // It may have been done all the same, where the answer is lost.
      const audit = { ...line, outcome: 'failed', reason: (error as Error).message };
      logger.warn({ audit }, 'M2M client not changed, as far as is known');
      throw error;
    }
  };
}
