export type JsonObject = Record<string, unknown>;

/** Reads the JSON object that someone typed. An empty text is an empty object. */
export function readJsonObject(text: string): { value: JsonObject } | { error: string } {
  if (text.trim() === '') return { value: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as JsonObject };
    }
    return { error: 'This must be a JSON object, such as { "tenant": "acme" }.' };
  } catch (error) {
    return { error: `This is not JSON: ${error instanceof Error ? error.message : 'unknown error'}` };
  }
}
