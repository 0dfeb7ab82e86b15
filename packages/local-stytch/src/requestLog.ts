import type { Request, RequestHandler } from 'express';

/** One request as the log keeps it: no query, no header, no body. */
export interface LoggedRequest {
  method: string;
  path: string;
  /** Null while it is not answered: it waits, was dropped, or the caller left. */
  status: number | null;
  /** When it came, by the real clock, in ISO 8601. */
  at: string;
  /** On token requests: the client, if it exists. */
  client_id?: string;
}

/** How many requests the log holds. The counts include all. */
const keptRequests = 1000;
/** So many paths are counted each on its own; what comes later counts as `other`. */
const countedPaths = 500;
/** A longer path is cut. */
const pathCharacters = 300;

/** The requests to the emulator, without those to its admin API. */
export class RequestLog {
  private requests: LoggedRequest[] = [];
  private readonly entries = new WeakMap<object, LoggedRequest>();
  private readonly byPath = new Map<string, number>();
  private counts = { total: 0, token: 0, jwks: 0 };

  /** Middleware: takes the request in as it comes, and its status when it is answered. */
  readonly record: RequestHandler = (request, response, next) => {
    const { method } = request;
    const path = request.path.slice(0, pathCharacters);
    const entry: LoggedRequest = { method, path, status: null, at: new Date().toISOString() };
    this.entries.set(request, entry);
    this.requests.push(entry);
    if (this.requests.length > keptRequests) this.requests.shift();
    this.count(method, path);
    response.on('finish', () => {
      entry.status = response.statusCode;
    });
    next();
  };

  /** Adds to the entry of a token request which client it came from. */
  noteClient(request: Request<unknown>, clientId: string): void {
    const entry = this.entries.get(request);
    if (entry) entry.client_id = clientId;
  }

  clear(): void {
    this.requests = [];
    this.byPath.clear();
    this.counts = { total: 0, token: 0, jwks: 0 };
  }

  describe() {
    return {
      counts: { ...this.counts, by_path: Object.fromEntries(this.byPath) },
      requests: this.requests,
    };
  }

  private count(method: string, path: string): void {
    this.counts.total += 1;
    if (method === 'POST' && /^\/v1\/public\/[^/]+\/oauth2\/token$/.test(path)) this.counts.token += 1;
    if (method === 'GET' && /^\/v1\/sessions\/jwks\/[^/]+$/.test(path)) this.counts.jwks += 1;
    const name = `${method} ${path}`;
    const key = this.byPath.has(name) || this.byPath.size < countedPaths ? name : 'other';
    this.byPath.set(key, (this.byPath.get(key) ?? 0) + 1);
  }
}
