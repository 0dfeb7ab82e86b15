import type { Request } from 'express';
import { type Logger, traceIds } from 'service-kit';

export type AuditedAction =
  | 'create_client'
  | 'update_client'
  | 'delete_client'
  | 'start_secret_rotation'
  | 'complete_secret_rotation'
  | 'cancel_secret_rotation'
  | 'rotate_client_secret';

/** A change by an operator. No field contains a secret or a value of metadata. */
export interface Change {
  action: AuditedAction;
  /** The changed M2M client. Undefined for one that is created. */
  clientId?: string;
  /** The names of the changed fields. */
  fields?: readonly string[];
}

/** Makes a change and logs an audit line: operator, action, M2M client and outcome. */
export async function audit<Result>(
  logger: Logger,
  { id, m2mClient, span }: Request,
  { action, clientId, fields }: Change,
  makeChange: () => Promise<Result>,
): Promise<Result> {
  const line = {
    request_id: id,
    operator: m2mClient?.clientId,
    action,
    client_id: clientId,
    ...(fields && { fields }),
  };
  try {
    const result = await makeChange();
    const client_id = clientId ?? createdClientId(result);
    logger.info(
      { ...traceIds({ span }), audit: { ...line, client_id, outcome: 'done' } },
      'M2M client changed',
    );
    return result;
  } catch (error) {
    // If Stytch's answer was lost, Stytch may have made the change.
    const { message: reason } = error as Error;
    logger.warn(
      { ...traceIds({ span }), audit: { ...line, outcome: 'failed', reason } },
      'M2M client change failed',
    );
    throw error;
  }
}

function createdClientId(answer: unknown): unknown {
  return (answer as { m2m_client?: { client_id?: unknown } } | undefined)?.m2m_client?.client_id;
}
