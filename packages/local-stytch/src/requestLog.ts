import type { Request, RequestHandler } from 'express';
import { Changes } from './changes';
import type { RequestDetails } from './consoleApi';
import { maskText } from './mask';
import { RecordedRequests } from './recordedRequests';

/** One logged request: no query, no header, no body, so that it has no secret and no token. */
export interface LoggedRequest {
  /** Counts the requests since the start, from 1. */
  id: number;
  method: string;
  path: string;
  /** When it came, by the real clock, in ISO 8601. */
  at: string;
  /** Null until it is answered, and when it never is: the connection was closed first. */
  status: number | null;
  /** The `error_type` or OAuth `error` of the answer; null when it has none. */
  code: string | null;
  /** Until the answer was sent or the connection was closed. Milliseconds; null until then. */
  duration_milliseconds: number | null;
  /** Of a token request: the client, if it exists. */
  client_id?: string;
  /** Of a token request: the claims of the issued token. */
  claims?: Readonly<Record<string, unknown>>;
}

/** How many requests the log has at most. The counts include all. */
const maxRequests = 10_000;
/** How many paths have a count of their own. Further ones count as `other`. */
const countedPaths = 500;
/** A longer path is cut. */
const pathCharacters = 300;

/** The requests to the emulator, without those to its admin API. */
export class RequestLog {
  private requests: LoggedRequest[] = [];
  private readonly entries = new WeakMap<object, LoggedRequest>();
  private readonly byPath = new Map<string, number>();
  private counts = { total: 0, token: 0, jwks: 0 };
  private readonly recorded = new RecordedRequests();
  private lastId = 0;

  constructor(private readonly changes = new Changes()) {}

  /** Middleware: adds the request now, and its outcome when it has one. */
  readonly record: RequestHandler = (request, response, next) => {
    const { method } = request;
    const path = maskText(request.path).slice(0, pathCharacters);
    const start = performance.now();
    const entry: LoggedRequest = {
      id: ++this.lastId,
      method,
      path,
      at: new Date().toISOString(),
      status: null,
      code: null,
      duration_milliseconds: null,
    };
    this.entries.set(request, entry);
    this.requests.push(entry);
    if (this.requests.length > maxRequests) this.requests.shift();
    this.count(method, path);
    this.recorded.begin(entry.id, request);
    this.changes.request(entry);
    const end = () => {
      if (entry.duration_milliseconds !== null) return;
      entry.duration_milliseconds = Math.round((performance.now() - start) * 10) / 10;
      this.recorded.end(entry.id, request, response);
      if (this.has(entry)) this.changes.request(entry);
    };
    response.on('finish', () => {
      entry.status = response.statusCode;
      entry.code = answerCode(response.locals);
      end();
    });
    response.on('close', end);
    next();
  };

  /** Adds details to the entry of a token request. */
  note(request: Request<unknown>, details: Pick<LoggedRequest, 'client_id' | 'claims'>): void {
    Object.assign(this.entries.get(request) ?? {}, details);
  }

  clear(): void {
    this.requests = [];
    this.recorded.clear();
    this.changes.reset();
    this.byPath.clear();
    this.counts = { total: 0, token: 0, jwks: 0 };
  }

  /** The logged requests, oldest first. */
  list(): readonly LoggedRequest[] {
    return this.requests;
  }

  /** A request with its headers and bodies; undefined when it is not among the last 1,000. */
  details(id: number): RequestDetails | undefined {
    const recorded = this.recorded.get(id);
    const request = recorded && this.requests.find((entry) => entry.id === id);
    return request && { request, ...recorded };
  }

  describe() {
    return {
      counts: { ...this.counts, by_path: Object.fromEntries(this.byPath) },
      requests: this.requests,
    };
  }

  private has({ id }: LoggedRequest): boolean {
    const [first] = this.requests;
    return first !== undefined && id >= first.id;
  }

  private count(method: string, path: string): void {
    this.counts.total += 1;
    if (method === 'POST' && /^\/v1\/public\/[^/]+\/oauth2\/token$/.test(path)) this.counts.token += 1;
    if (method === 'GET' && /^\/v1\/(b2b\/)?sessions\/jwks\/[^/]+$/.test(path)) this.counts.jwks += 1;
    const name = `${method} ${path}`;
    const key = this.byPath.has(name) || this.byPath.size < countedPaths ? name : 'other';
    this.byPath.set(key, (this.byPath.get(key) ?? 0) + 1);
  }
}

function answerCode({ code }: Readonly<Record<string, unknown>>): string | null {
  return typeof code === 'string' ? code : null;
}
