import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { Changes } from './changes';
import type { ListedFault } from './consoleApi';
import { InternalError, StytchApiError, TooManyRequestsError } from './errors';

const where = {
  /** One path. With `*` at its end: all paths with this beginning. */
  path: z.string().regex(/^(\/.*|\*)$/, { error: 'must begin with /, or be *' }),
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).optional(),
  /** How many requests it applies to. Default: all. */
  count: z.int().min(1).optional(),
};
const errorStatus = z.int().min(400).max(599);

/** The body of `POST /local/faults`. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** Waits, then goes on to the next fault that matches, or to the ordinary answer. */
  z.strictObject({ ...where, kind: z.literal('delay'), milliseconds: z.int().min(0).max(600_000) }),
  /** Answers with an error in Stytch's form, without running the operation. */
  z.strictObject({
    ...where,
    kind: z.literal('status'),
    status: errorStatus,
    retry_after_seconds: z.int().min(0).optional(),
  }),
  /** Never answers. */
  z.strictObject({ ...where, kind: z.literal('hang') }),
  /** Sends a 200 and half a JSON object, and never ends the answer. */
  z.strictObject({ ...where, kind: z.literal('stall') }),
  /** Closes the connection without running the operation. */
  z.strictObject({ ...where, kind: z.literal('drop') }),
  /** Runs the operation, then closes the connection without an answer. */
  z.strictObject({ ...where, kind: z.literal('drop_answer') }),
  /** Answers with an HTML page, without running the operation. */
  z.strictObject({ ...where, kind: z.literal('not_json'), status: z.int().min(200).max(599).default(200) }),
]);

export type Fault = z.infer<typeof faultSchema>;

/** A fault that is in effect. */
export interface ActiveFault {
  readonly id: number;
  readonly fault: Fault;
  /** How many requests it has applied to. */
  hits: number;
}

/** The injected faults. */
export class Faults {
  private active: ActiveFault[] = [];
  private nextId = 1;
  /** Answers that wait because of `delay`, `hang` or `stall`. */
  private readonly held = new Set<Response>();

  constructor(private readonly changes = new Changes()) {}

  /** @returns the fault, with the number of its hits from now on. */
  inject(fault: Fault): ActiveFault {
    const added = { id: this.nextId++, fault, hits: 0 };
    this.active.push(added);
    this.changes.faults();
    return added;
  }

  /** Injects a fault for the admin API. */
  add(fault: Fault) {
    return describe(this.inject(fault));
  }

  list() {
    return this.active.map(describe);
  }

  remove(removed: ActiveFault): void {
    this.active = this.active.filter((fault) => fault !== removed);
    this.changes.faults();
  }

  /** Removes a fault for the admin API. Returns whether there was one. */
  removeById(id: number): boolean {
    const found = this.active.find((fault) => fault.id === id);
    if (found) this.remove(found);
    return found !== undefined;
  }

  /** Removes all faults. Requests that already hang go on until their caller closes the connection. */
  clear(): void {
    this.active = [];
    this.changes.faults();
  }

  /** Closes the connections of all waiting requests, so that the server can stop. */
  release(): void {
    for (const response of this.held) response.destroy();
  }

  /** Middleware: applies the faults to a request, in the order in which they were added. */
  readonly apply: RequestHandler = async (request, response, next) => {
    for (const fault of this.take(request)) {
      if (fault.kind !== 'delay') {
        this.commit(fault, request, response, next);
        return;
      }
      const isConnected = await this.pause(response, fault.milliseconds);
      if (!isConnected) return;
    }
    next();
  };

  /** The faults that apply to this request: delays, up to the first fault of another kind. */
  private take(request: Request): Fault[] {
    const taken: Fault[] = [];
    for (const active of this.active) {
      if (isSpent(active) || !matches(active.fault, request)) continue;
      active.hits += 1;
      this.changes.faults();
      taken.push(active.fault);
      if (active.fault.kind !== 'delay') break;
    }
    return taken;
  }

  private commit(
    fault: Exclude<Fault, { kind: 'delay' }>,
    request: Request,
    response: Response,
    next: (error?: unknown) => void,
  ): void {
    switch (fault.kind) {
      case 'status':
        next(injectedError(fault.status, fault.retry_after_seconds));
        return;
      case 'hang':
        this.hold(response);
        return;
      case 'stall':
        this.hold(response);
        response.type('json').write('{"status_code":200,');
        return;
      case 'drop':
        request.socket.destroy();
        return;
      case 'drop_answer':
        response.json = () => {
          request.socket.destroy();
          return response;
        };
        next();
        return;
      case 'not_json':
        response.locals.body = '<html><body>Not what you expected.</body></html>';
        response.status(fault.status).type('html').send(response.locals.body);
    }
  }

  private hold(response: Response): void {
    this.held.add(response);
    response.once('close', () => this.held.delete(response));
  }

  /** @returns whether the caller is still connected. */
  private pause(response: Response, milliseconds: number): Promise<boolean> {
    this.hold(response);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        response.off('close', leave);
        this.held.delete(response);
        resolve(true);
      }, milliseconds);
      const leave = () => {
        clearTimeout(timer);
        resolve(false);
      };
      response.once('close', leave);
    });
  }
}

function describe({ id, fault, hits }: ActiveFault): ListedFault {
  return { id, ...fault, hits, remaining: fault.count === undefined ? null : fault.count - hits };
}

function isSpent({ fault, hits }: ActiveFault): boolean {
  return fault.count !== undefined && hits >= fault.count;
}

function matches({ path, method }: Fault, request: Request): boolean {
  if (method !== undefined && method !== request.method) return false;
  return path.endsWith('*') ? request.path.startsWith(path.slice(0, -1)) : request.path === path;
}

function injectedError(status: number, retryAfterSeconds: number | undefined): StytchApiError {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  if (status === 429) return new TooManyRequestsError(headers);
  const { errorType, message } = new InternalError();
  return new StytchApiError(status, status === 500 ? errorType : 'injected_fault', message, headers);
}
