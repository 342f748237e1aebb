import type { Value } from './values.ts';

/** A canonical value, or why the input is none and where inside it. */
export type Decoded =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string; readonly path: (string | number)[] };

export function accept(value: Value): Decoded {
  return { ok: true, value };
}

export function refuse(message: string, path: (string | number)[] = []): Decoded {
  return { ok: false, message, path };
}

/** The result for something that lies below `step` in the input. */
export function below(decoded: Decoded, step: string | number): Decoded {
  return decoded.ok ? decoded : refuse(decoded.message, [step, ...decoded.path]);
}

export function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
