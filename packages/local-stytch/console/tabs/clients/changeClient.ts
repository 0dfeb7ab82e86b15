import { signal } from '@preact/signals';
import { api } from '../../api';
import { clients } from '../../live';

/** A secret that was just made. Only the answer that made it has it, so that it is gone with this page. */
export interface NewSecret {
  clientId: string;
  secret: string;
}

export const newSecret = signal<NewSecret | null>(null);

/** Changes a client, then loads all: the list shows the change when the call is done. */
export async function changeClient<Answer>(change: Promise<Answer>): Promise<Answer> {
  const answer = await change;
  clients.value = (await api.clients()).m2m_clients;
  return answer;
}
