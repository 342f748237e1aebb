import { randomUUID } from 'node:crypto';
import type { Keys } from '../../ports/keys.ts';

/** Random UUIDs. */
export const randomKeys: Keys = { next: () => randomUUID() };
