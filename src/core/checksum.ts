import { fromHex, toHex } from './hash.ts';

/**
 * Multiset hash of a graph: the sum of all state hashes modulo 2^256, 32 bytes big-endian. It does not
 * depend on order, and a change of one entity costs one subtraction and one addition. It catches accidents;
 * it is not meant to withstand someone who constructs collisions.
 */
export type Checksum = Uint8Array;

const BYTES = 32;
const LIMBS = 8;
const LIMB = 2 ** 32;
/** A limb takes this many additions before it could leave the integers that a double holds exactly. */
const MAX_PENDING = 2 ** 20;

/** The checksum of the empty graph. Never write to it. */
export const ZERO: Checksum = new Uint8Array(BYTES);

/** The checksum with one more state. */
export function add(sum: Checksum, hash: Uint8Array): Checksum {
  return combine(sum, hash, 1);
}

/** The checksum with one state less. */
export function subtract(sum: Checksum, hash: Uint8Array): Checksum {
  return combine(sum, hash, -1);
}

/** Adds and subtracts many hashes cheaply; `sum` may be read at any time. */
export interface ChecksumAccumulator {
  add(hash: Uint8Array): void;
  subtract(hash: Uint8Array): void;
  sum(): Checksum;
}

/** Starts from a checksum. Carries are put off: eight additions of doubles per hash. */
export function accumulator(start: Checksum = ZERO): ChecksumAccumulator {
  const limbs = new Float64Array(LIMBS);
  let pending = 0;
  const apply = (hash: Uint8Array, sign: number): void => {
    assertLength(hash);
    for (let limb = 0, at = 0; limb < LIMBS; limb += 1, at += 4) {
      limbs[limb] = (limbs[limb] ?? 0) + sign * word(hash, at);
    }
    pending += 1;
    if (pending < MAX_PENDING) return;
    carry(limbs);
    pending = 0;
  };
  apply(start, 1);
  return {
    add: (hash) => apply(hash, 1),
    subtract: (hash) => apply(hash, -1),
    sum: () => {
      carry(limbs);
      pending = 0;
      return bytesOf(limbs);
    },
  };
}

/** 64 lower-case hexadecimal digits. */
export function checksumToHex(sum: Checksum): string {
  return toHex(sum);
}

/** Null when the text is not 64 hexadecimal digits. */
export function checksumFromHex(text: string): Checksum | null {
  return fromHex(text);
}

function combine(sum: Checksum, hash: Uint8Array, sign: number): Checksum {
  assertLength(sum);
  assertLength(hash);
  const result = new Uint8Array(BYTES);
  let over = 0;
  for (let i = BYTES - 1; i >= 0; i -= 1) {
    const digit = (sum[i] ?? 0) + sign * (hash[i] ?? 0) + over;
    result[i] = digit & 0xff;
    over = digit >> 8;
  }
  return result;
}

/** Brings every limb back to 32 bits; what leaves the first is what modulo 2^256 drops. */
function carry(limbs: Float64Array): void {
  let over = 0;
  for (let limb = LIMBS - 1; limb >= 0; limb -= 1) {
    const total = (limbs[limb] ?? 0) + over;
    over = Math.floor(total / LIMB);
    limbs[limb] = total - over * LIMB;
  }
}

function bytesOf(limbs: Float64Array): Checksum {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, limb] of limbs.entries()) view.setUint32(index * 4, limb);
  return bytes;
}

function word(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

function assertLength(bytes: Uint8Array): void {
  if (bytes.length !== BYTES) throw new RangeError(`a hash has ${BYTES} bytes, not ${bytes.length}`);
}
