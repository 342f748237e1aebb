import { canonicalState } from './canonical.ts';
import { isRecord } from './decoded.ts';
import type { EntityState } from './entities.ts';
import type { Properties } from './values.ts';

/**
 * The state whose canonical text this is, or null when it is none. `canonicalState` of the result is the text again, to the last character, so
 * nothing was lost, added or put in another order.
 */
export function parseState(text: string): EntityState | null {
  const state = stateOf(jsonOf(text));
  return state !== null && canonicalOf(state) === text ? state : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function stateOf(json: unknown): EntityState | null {
  if (!Array.isArray(json)) return null;
  const properties: unknown = json.at(-1);
  if (!isRecord(properties)) return null;
  // Whether the values are canonical ones shows when the text is made of them again.
  const values = properties as Properties;
  const [kind, key, second, start, end]: unknown[] = json;
  if (typeof key !== 'string') return null;
  if (kind === 'NODE' && json.length === 4 && isTexts(second)) return { kind, key, labels: second, properties: values };
  if (kind !== 'RELATIONSHIP' || json.length !== 6) return null;
  if (typeof second !== 'string' || typeof start !== 'string' || typeof end !== 'string') return null;
  return { kind, key, type: second, start, end, properties: values };
}

function isTexts(json: unknown): json is readonly string[] {
  return Array.isArray(json) && json.every((item) => typeof item === 'string');
}

/** Null when the values are none. */
function canonicalOf(state: EntityState): string | null {
  try {
    return canonicalState(state);
  } catch {
    return null;
  }
}
