import { describe, expect, test } from '@jest/globals';
import { canonicalState } from '../../src/core/canonical.ts';
import type { NodeState } from '../../src/core/entities.ts';
import { fromHex, hashCanonical, stateHash, stateHashHex, toHex } from '../../src/core/hash.ts';

const node = (part: Partial<NodeState> = {}): NodeState => ({
  kind: 'NODE',
  key: 'n1',
  labels: [],
  properties: {},
  ...part,
});

describe('stateHash', () => {
  test('is SHA-256 of the canonical text', () => {
    expect(toHex(hashCanonical(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(stateHash(node())).toHaveLength(32);
    expect(toHex(stateHash(node()))).toBe(stateHashHex(node()));
  });

  test('of a known state never changes, since histories hold it', () => {
    const state = node({ labels: ['Person'], properties: { name: 'Ada', born: { $date: '1815-12-10' } } });
    expect(canonicalState(state)).toBe('["NODE","n1",["Person"],{"born":{"$date":"1815-12-10"},"name":"Ada"}]');
    expect(stateHashHex(state)).toBe('8c1f4e4bd2f9825e1dbf2e0de9596d535c25d28a8f56fb8274a2da521a7c35bc');
  });

  test('is read back from hexadecimal of either case, and from nothing else', () => {
    const hash = stateHash(node());
    expect(fromHex(toHex(hash).toUpperCase())).toEqual(hash);
    for (const text of ['', 'ab', 'g'.repeat(64), `${'a'.repeat(63)}`]) expect(fromHex(text)).toBeNull();
  });
});
