/**
 * The JSON that the console's page and the admin API exchange. Types only: the page is built without the emulator, and
 * the emulator without the page.
 */
import type { LoggedRequest } from './requestLog';
import type { TraceSummary } from './traces';

/** What `GET /local/console` answers: what the page needs to know once. */
export interface ConsoleInfo {
  project_id: string;
  /** The emulator's own address. */
  base_url: string;
  version: string;
  /** The services that the page can call, through `POST /local/calls`. */
  services: { name: string; url: string }[];
  scenarios: Scenario[];
}

/** Something to try with the services: a button of the page. `npm start` hands them over; the package has none. */
export interface Scenario {
  id: string;
  /** The button's name. */
  title: string;
  /** What it does and what to look at, in a sentence or two. */
  sentence: string;
  steps: ScenarioStep[];
}

export type ScenarioStep = {
  /** What the step does, as a short sentence. */
  title: string;
} & ({ call: ServiceCall } | { local: LocalCall });

/** A call of a service: the body of `POST /local/calls`. */
export interface ServiceCall {
  /** One of the services, or `local-stytch`: the emulator's own Stytch API. */
  service: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH';
  /** With its query, from the first slash. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** The Bearer token. It is made on the server, and the page never sees it. Default: none. */
  token?: CallToken | undefined;
  /** The trace that the call belongs to: 32 hexadecimal digits. Default: a new one. */
  trace_id?: string | undefined;
}

export type CallToken =
  /** A token as the token endpoint would issue it to this client. */
  | { kind: 'client'; client_id: string; scope?: string | undefined }
  /** As `POST /local/tokens` makes it. */
  | {
      kind: 'minted';
      claims?: Record<string, unknown> | undefined;
      header?: Record<string, unknown> | undefined;
      sign_with?: 'current' | 'unknown' | undefined;
    }
  | { kind: 'text'; text: string };

/** What `POST /local/calls` answers. Secrets and tokens are masked. */
export interface CallResult {
  trace_id: string;
  /** Null when there was no answer. */
  status: number | null;
  /** Why there was no answer; null when there was one. */
  error: string | null;
  duration_milliseconds: number;
  headers: Record<string, string>;
  /** At most 16,000 characters. */
  body: string;
}

/** A call of the admin API. */
export interface LocalCall {
  method: 'POST' | 'PUT' | 'DELETE';
  /** From the first slash, such as `/local/faults`. */
  path: string;
  body?: unknown;
}

/** What `GET /local/health` shows, and what changes of the clock, keys, clients and settings send. */
export interface LocalState {
  project_id: string;
  clients: number;
  /** The first one signs. */
  signing_keys: string[];
  clock_offset_seconds: number;
  token_lifetime_seconds: number;
  issuer: 'project' | 'base_url';
  search_totals: boolean;
  claims_template: Record<string, unknown> | null;
}

/** A fault that is in effect. */
export interface ListedFault {
  id: number;
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | undefined;
  count?: number | undefined;
  kind: 'delay' | 'status' | 'hang' | 'stall' | 'drop' | 'drop_answer' | 'not_json';
  milliseconds?: number | undefined;
  status?: number | undefined;
  retry_after_seconds?: number | undefined;
  hits: number;
  /** Null: all requests. */
  remaining: number | null;
}

/** A client as `GET /local/clients` lists it. */
export interface ListedClient {
  client_id: string;
  client_name: string;
  client_description: string;
  status: 'active' | 'inactive';
  scopes: string[];
  client_secret_last_four: string;
  /** Set during a rotation. */
  next_client_secret_last_four: string | null;
  trusted_metadata: Record<string, unknown>;
}

/** A token as `GET /local/tokens` lists it, newest first. */
export interface ListedToken {
  /** Counts the tokens, from 1. */
  id: number;
  kind: 'issued' | 'minted';
  /** ISO 8601, by the real clock. */
  at: string;
  client_id: string | null;
  /** The value of `scope`; empty when the token has none. */
  scope: string;
  /** `exp`, in seconds since 1970 by the emulator's clock; null when the token has none. */
  expires_at_seconds: number | null;
}

/** What `GET /local/tokens/{id}` and `POST /local/tokens/explain` (`{ token, required_scopes? }`) answer. */
export interface ExplainedToken {
  /** The parts as they are encoded. The signature is masked. Null when the text is no JWT. */
  encoded: { header: string; payload: string; signature: string } | null;
  header: Record<string, unknown> | null;
  claims: Record<string, unknown> | null;
  /** Null when the token has no such claim. Negative: it has expired. By the emulator's clock. */
  expires_in_seconds: number | null;
  lifetime_seconds: number | null;
  /** In the order in which a resource server makes them. */
  checks: TokenCheck[];
  /** Whether it passed all checks. */
  valid: boolean;
}

export interface TokenCheck {
  name: 'form' | 'algorithm' | 'key' | 'signature' | 'issuer' | 'audience' | 'times' | 'scopes';
  /** Null: it was not made, because an earlier one failed, or there is nothing to check. */
  passed: boolean | null;
  /** What was found, in a sentence. */
  explanation: string;
  /** Such as `RFC 7515 §5.2`. */
  rfc: string;
}

/** What `GET /local/requests/{id}` answers. Secrets and tokens are masked, and long bodies are cut. */
export interface RequestDetails {
  request: LoggedRequest;
  received: {
    headers: Record<string, string>;
    /** Without the question mark. */
    query: string | null;
    body: string | null;
  };
  /** Null until it is answered. */
  answered: { headers: Record<string, string>; body: string | null } | null;
}

/**
 * The data of a `change` event of `GET /local/events` (Server-Sent Events). At most one is sent every 200 ms, with what
 * has changed since the last one. After it has connected, the page first loads everything.
 */
export interface Change {
  /** Everything was reset or emptied: load it again. */
  reset?: true;
  requests?: LoggedRequest[];
  traces?: TraceSummary[];
  tokens?: ListedToken[];
  /** Clients were added, changed or deleted: load them again. */
  clients?: true;
  state?: LocalState;
  faults?: ListedFault[];
}
