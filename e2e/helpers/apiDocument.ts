import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { parse } from 'yaml';

export type ServerName = 'payment-server' | 'wallet-server';
const serverNames: readonly ServerName[] = ['payment-server', 'wallet-server'];
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

export type Schema = boolean | Readonly<Record<string, unknown>>;
type Reference = Readonly<{ $ref: string }>;

interface Server {
  url: string;
  description?: string;
}

export interface MediaType {
  schema?: Schema;
  examples?: Record<string, { value: unknown }>;
}

export interface Header {
  required?: boolean;
  schema: Schema;
}

export interface Answer {
  description: string;
  headers?: Record<string, Header | Reference>;
  content?: Record<string, MediaType>;
}

export interface Parameter {
  name: string;
  in: 'query' | 'header' | 'path';
  required?: boolean;
  schema: Schema;
}

export interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: (Parameter | Reference)[];
  requestBody?: { content: Record<string, MediaType> };
  responses?: Record<string, Answer | Reference>;
}

interface PathItem {
  servers?: Server[];
  parameters?: (Parameter | Reference)[];
}

export interface ApiDocument {
  openapi: string;
  servers: Server[];
  tags: { name: string }[];
  paths: Record<string, PathItem & Record<string, Operation>>;
  components: Record<string, Record<string, unknown>> & {
    securitySchemes: Record<string, { flows?: { clientCredentials: { scopes: Record<string, string> } } }>;
  };
}

/** docs/openapi.yaml */
export const apiDocument = parse(
  readFileSync(join(__dirname, '..', '..', 'docs', 'openapi.yaml'), 'utf8'),
) as ApiDocument;

/** One operation of one server. An operation of both servers is listed twice. */
export interface ServerOperation {
  server: ServerName;
  method: string;
  path: string;
  operation: Operation;
  parameters: Parameter[];
  responses: Record<string, Answer>;
  /** The scope that it requires. Undefined if it needs no access token. */
  scope: string | undefined;
}

export const operations: readonly ServerOperation[] = Object.entries(apiDocument.paths).flatMap(
  ([path, item]) =>
    methods
      .filter((method) => method in item)
      .flatMap((method) => serversOf(item).map((server) => describe(server, method, path, item))),
);

function serversOf({ servers = apiDocument.servers }: PathItem): ServerName[] {
  return serverNames.filter((name) => servers.some(({ description }) => description === name));
}

function describe(
  server: ServerName,
  method: string,
  path: string,
  item: PathItem & Record<string, Operation>,
): ServerOperation {
  const operation = item[method]!;
  const responses = Object.entries(operation.responses ?? {}).map(([status, answer]) => [
    status,
    resolve<Answer>(answer),
  ]);
  return {
    server,
    method,
    path,
    operation,
    parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
      resolve<Parameter>(parameter),
    ),
    responses: Object.fromEntries(responses) as Record<string, Answer>,
    scope: operation.security?.flatMap((requirement) => requirement.oauth2 ?? [])[0],
  };
}

/** `GET /healthz of wallet-server` */
export function nameOf({ server, method, path }: Pick<ServerOperation, 'server' | 'method' | 'path'>) {
  return `${method.toUpperCase()} ${path} of ${server}`;
}

/** Follows the `$ref` of a node, if it has one. */
export function resolve<Node>(node: Node | Reference): Node {
  if (typeof node !== 'object' || node === null || !('$ref' in node)) return node;
  const steps = node.$ref.replace(/^#\//, '').split('/');
  const found = steps.reduce<unknown>(
    (at, step) => (at as Record<string, unknown> | undefined)?.[step.replace(/~1/g, '/').replace(/~0/g, '~')],
    apiDocument,
  );
  if (found === undefined) throw new Error(`${node.$ref} points to nothing`);
  return found as Node;
}

const ajv = new Ajv({ allErrors: true }).addSchema(apiDocument, 'openapi');

/** Validates a value against a schema of the document. Returns the problems: an empty list if it is valid. */
export function problemsOf(schema: Schema, value: unknown): string[] {
  const rooted = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi#/');
  const validate = ajv.compile(JSON.parse(rooted) as Schema);
  if (validate(value) === true) return [];
  return (validate.errors ?? []).map((error) => `${error.dataPath || 'value'} ${error.message ?? ''}`);
}
