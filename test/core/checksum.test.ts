import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accumulator, add, checksumFromHex, checksumToHex, subtract, ZERO } from '../../src/core/checksum.ts';

const arbHash = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.constantFrom(0x00, 0xff).map((byte) => new Uint8Array(32).fill(byte)),
);
const MODULUS = 2n ** 256n;
const toInteger = (bytes: Uint8Array): bigint => BigInt(`0x${checksumToHex(bytes)}`);

describe('checksum', () => {
  test('is the sum modulo 2^256', () => {
    fc.assert(
      fc.property(arbHash, arbHash, (a, b) => {
        expect(toInteger(add(a, b))).toBe((toInteger(a) + toInteger(b)) % MODULUS);
        expect(toInteger(subtract(a, b))).toBe((toInteger(a) - toInteger(b) + MODULUS) % MODULUS);
      }),
    );
  });

  test('does not depend on order, and subtraction undoes addition', () => {
    fc.assert(
      fc.property(fc.array(arbHash, { maxLength: 8 }), arbHash, (hashes, extra) => {
        const forwards = hashes.reduce(add, ZERO);
        expect(hashes.toReversed().reduce(add, ZERO)).toEqual(forwards);
        expect(subtract(add(forwards, extra), extra)).toEqual(forwards);
      }),
    );
  });

  test('counts how often a state occurs', () => {
    const hash = new Uint8Array(32).fill(7);
    expect(add(add(ZERO, hash), hash)).not.toEqual(add(ZERO, hash));
  });

  test('leaves its arguments alone', () => {
    const hash = new Uint8Array(32).fill(0xff);
    add(ZERO, hash);
    subtract(ZERO, hash);
    expect(checksumToHex(ZERO)).toBe('0'.repeat(64));
  });

  test('is read back from hexadecimal', () => {
    fc.assert(fc.property(arbHash, (hash) => expect(checksumFromHex(checksumToHex(hash))).toEqual(Buffer.from(hash))));
    expect(checksumFromHex('00')).toBeNull();
  });

  test('refuses what is not 32 bytes', () => {
    expect(() => add(ZERO, new Uint8Array(31))).toThrow(RangeError);
    expect(() => accumulator().add(new Uint8Array(33))).toThrow(RangeError);
  });
});

describe('accumulator', () => {
  test('agrees with one at a time, in any mix and read at any time', () => {
    const arbSteps = fc.array(fc.record({ hash: arbHash, plus: fc.boolean(), read: fc.boolean() }), { maxLength: 30 });
    fc.assert(
      fc.property(arbHash, arbSteps, (start, steps) => {
        const bulk = accumulator(start);
        let single: Uint8Array = start;
        for (const { hash, plus, read } of steps) {
          single = plus ? add(single, hash) : subtract(single, hash);
          if (plus) bulk.add(hash);
          else bulk.subtract(hash);
          if (read) expect(bulk.sum()).toEqual(new Uint8Array(single));
        }
        expect(bulk.sum()).toEqual(new Uint8Array(single));
      }),
    );
  });

  test('stays exact past the bound at which it must carry', () => {
    const count = 2 ** 22 + 3;
    const largest = new Uint8Array(32).fill(0xff);
    const up = accumulator();
    const down = accumulator();
    for (let i = 0; i < count; i += 1) {
      up.add(largest);
      down.subtract(largest);
    }
    expect(toInteger(up.sum())).toBe((BigInt(count) * (MODULUS - 1n)) % MODULUS);
    expect(toInteger(down.sum())).toBe(BigInt(count));
  });
});
