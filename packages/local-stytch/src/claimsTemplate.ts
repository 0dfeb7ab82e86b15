/**
 * Custom claims of a project: a JSON object in which `{{ client.trusted_metadata.x }}` stands for a value of the
 * client. Its grammar is an assumption: Stytch barely documents it.
 */
export type ClaimsTemplate = Readonly<Record<string, unknown>>;

/** Claims that the emulator sets itself. `aud` is not among them: a template can set a custom audience. */
export const reservedClaims: readonly string[] = ['sub', 'iss', 'scope', 'iat', 'nbf', 'exp'];

const placeholder = /\{\{\s*([^{}]*?)\s*\}\}/g;
const wholePlaceholder = /^\{\{\s*([^{}]*?)\s*\}\}$/;
const metadataPath = /^client\.trusted_metadata((?:\.[\w-]+)+)$/;

/**
 * Reads a template: an object, or text as in Stytch's dashboard, where a placeholder may stand without quotes.
 *
 * @throws TypeError that says what is wrong.
 */
export function readClaimsTemplate(given: string | Readonly<Record<string, unknown>>): ClaimsTemplate {
  const template: unknown = typeof given === 'string' ? parseText(given) : given;
  if (typeof template !== 'object' || template === null || Array.isArray(template)) {
    throw new TypeError('The claims template must be a JSON object.');
  }
  const reserved = reservedClaims.find((name) => Object.hasOwn(template, name));
  if (reserved !== undefined) throw new TypeError(`The claims template cannot set ${reserved}.`);
  for (const [text, path = ''] of JSON.stringify(template).matchAll(placeholder)) {
    if (!metadataPath.test(path)) {
      throw new TypeError(`${text} is unknown: use {{ client.trusted_metadata.name }}.`);
    }
  }
  return template as ClaimsTemplate;
}

/** Puts quotes around each placeholder that is not inside a string. */
function parseText(text: string): unknown {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|\{\{[^{}]*\}\}/g, (part) =>
    part.startsWith('"') ? part : JSON.stringify(part),
  );
  try {
    return JSON.parse(quoted);
  } catch {
    throw new TypeError('The claims template is not valid JSON.');
  }
}

/**
 * Fills in a template. A string that is one placeholder becomes the value, of any type; a claim without a value is
 * left out. Inside other text a value becomes text, and a missing one becomes nothing.
 */
export function renderClaims(
  template: ClaimsTemplate,
  trustedMetadata: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return renderObject(template, (path) => lookUp(trustedMetadata, path));
}

function renderObject(template: object, valueOf: (path: string) => unknown): Record<string, unknown> {
  const entries = Object.entries(template).map(([name, value]) => [name, render(value, valueOf)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function render(value: unknown, valueOf: (path: string) => unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => render(item, valueOf)).filter((item) => item !== undefined);
  }
  if (typeof value === 'object' && value !== null) return renderObject(value, valueOf);
  if (typeof value !== 'string') return value;
  const [, path] = wholePlaceholder.exec(value) ?? [];
  if (path !== undefined) return valueOf(path);
  return value.replace(placeholder, (_text, name: string) => asText(valueOf(name)));
}

function asText(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function lookUp(metadata: unknown, path: string): unknown {
  const names = metadataPath.exec(path)?.[1]?.slice(1).split('.') ?? [];
  return names.reduce(
    (at, name) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, name)
        ? (at as Record<string, unknown>)[name]
        : undefined,
    metadata,
  );
}
