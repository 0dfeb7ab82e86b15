import { limits } from './assumptions';

/**
 * Whether a value is nested more than `limits.jsonDepth` levels deep. It is a fixed limit: how deep `JSON.stringify` can
 * go depends on the engine and the stack.
 */
export function isTooDeep(value: unknown): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === limits.jsonDepth) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
