import { hash } from 'node:crypto';
import { canonicalState } from './canonical.ts';
import type { EntityState } from './entities.ts';

const HEX_HASH = /^[0-9a-f]{64}$/i;

/** SHA-256 of the canonical state: 32 bytes. Equal if and only if kind, key and content are equal. */
export function stateHash(state: EntityState): Uint8Array {
  return hashCanonical(canonicalState(state));
}

/**
 * As `stateHash`, for a caller that already has the canonical text. By way of text, since a hash given out as bytes has memory of its own
 * outside the heap: with tens of thousands of them the collector costs more than the hashing.
 */
export function hashCanonical(text: string): Uint8Array {
  return Buffer.from(hash('sha256', text, 'binary'), 'binary');
}

/** As `stateHash`; null is that of an entity that is absent. */
export function hashOf(state: EntityState | null): Uint8Array | null {
  return state === null ? null : stateHash(state);
}

/** The state hash as clients see it. */
export function stateHashHex(state: EntityState): string {
  return hash('sha256', canonicalState(state), 'hex');
}

/** Two state hashes; null is that of an entity that is absent. */
export function sameHash(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === b || (a !== null && b !== null && Buffer.compare(a, b) === 0);
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** 32 bytes of 64 hexadecimal digits of either case, or null. */
export function fromHex(text: string): Uint8Array | null {
  return HEX_HASH.test(text) ? Buffer.from(text, 'hex') : null;
}
