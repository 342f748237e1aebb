import { describe, expect, it } from '@jest/globals';
import {
  bigintCodec,
  Cursors,
  changeCodec,
  contributionCodec,
  entityCodec,
  recordCodec,
  textCodec,
} from '../../../src/api/graphql/cursors.ts';
import {
  decodeId,
  encodeId,
  entityGlobalId,
  parseEntityKey,
  parseTransactionKey,
  requireId,
  transactionId,
} from '../../../src/api/graphql/ids.ts';
import { InvalidInputError } from '../../../src/core/errors.ts';

const UUID = '0b7d4a1e-3c5f-4b7e-9a39-0d6a1f8f6a11';

describe('a global id', () => {
  it('says type and key', () => {
    expect(decodeId(encodeId('RollbackPoint', UUID))).toEqual({ type: 'RollbackPoint', key: UUID });
    expect(decodeId(encodeId('Graph', 'a:b'))).toEqual({ type: 'Graph', key: 'a:b' });
  });

  it('of an entity survives keys with anything in them', () => {
    for (const key of ['a', 'a:b', '1:2:3', 'é\u{1F600}', ' \n']) {
      const decoded = decodeId(entityGlobalId('NODE', { graphId: 3, seq: 12n, key }));
      expect(decoded?.type).toBe('GraphNode');
      expect(parseEntityKey(decoded?.key ?? '')).toEqual({ graphId: 3, seq: 12n, key });
    }
  });

  it('of a transaction says graph and seq', () => {
    expect(parseTransactionKey(decodeId(transactionId({ graphId: 1, seq: 7n }))?.key ?? '')).toEqual({
      graphId: 1,
      seq: 7n,
    });
  });

  it('that is garbage, foreign or not canonical is none', () => {
    const padded = Buffer.from('Graph:demo1').toString('base64');
    expect(padded).toMatch(/=$/);
    const foreign = [
      padded,
      '',
      'x',
      '%%%',
      Buffer.from('User:1').toString('base64url'),
      Buffer.from('Graph:').toString('base64url'),
      encodeId('RollbackPoint', 'not-a-uuid'),
      encodeId('RollbackPoint', `${UUID}'; --`),
      'R'.repeat(100_000),
    ];
    for (const id of foreign) expect(decodeId(id)).toBeNull();
    for (const key of ['1', '1:-1', 'x:1', '1:1e3', '1:99999999999999999999'])
      expect(parseTransactionKey(key)).toBeNull();
  });

  it('of another type is refused naming the field', () => {
    const refused = () => requireId(encodeId('Graph', 'demo'), 'RollbackPoint', ['to', 'point']);
    expect(refused).toThrow(InvalidInputError);
    expect(refused).toThrow('to.point: is not the id of a RollbackPoint');
  });
});

describe('a cursor', () => {
  const cursors = new Cursors('Graph.nodes', '1', { label: 'A' }, bigintCodec);

  it('brings back position and pin', () => {
    expect(cursors.read(cursors.write(5n), 'after')).toEqual({ position: 5n, pin: null });
    expect(cursors.read(cursors.write(5n, 9n), 'after')).toEqual({ position: 5n, pin: 9n });
  });

  it('belongs to one connection, parent and filter', () => {
    const cursor = cursors.write(5n);
    const others = [
      new Cursors('Graph.points', '1', { label: 'A' }, bigintCodec),
      new Cursors('Graph.nodes', '2', { label: 'A' }, bigintCodec),
      new Cursors('Graph.nodes', '1', { label: 'B' }, bigintCodec),
      new Cursors('Graph.nodes', '1', null, bigintCodec),
    ];
    for (const other of others) expect(() => other.read(cursor, 'before')).toThrow('before: is not a cursor');
  });

  it('does not depend on the order of the filter or on what is null in it', () => {
    const one = new Cursors('x', '', { a: 1n, b: null, c: [{ d: 1, e: 2 }] }, bigintCodec);
    const two = new Cursors('x', '', { c: [{ e: 2, d: 1 }], a: 1n, f: undefined }, bigintCodec);
    expect(two.read(one.write(1n), 'after').position).toBe(1n);
  });

  it('to what no database can hold is refused, since it is asked for together with what others ask for', () => {
    const key = 'a\0';
    const entities = new Cursors('x', '', null, entityCodec);
    expect(() => entities.read(entities.write({ kind: 'NODE', key }), 'after')).toThrow(InvalidInputError);
    const changes = new Cursors('x', '', null, changeCodec);
    expect(() => changes.read(changes.write({ seq: 1n, kind: 'NODE', key }), 'after')).toThrow(InvalidInputError);
    const texts = new Cursors('x', '', null, textCodec);
    expect(() => texts.read(texts.write(key), 'after')).toThrow(InvalidInputError);
  });

  it('that was changed is refused', () => {
    const cursor = cursors.write(5n);
    for (let at = 0; at < cursor.length; at += 1) {
      const letter = cursor[at] === 'A' ? 'B' : 'A';
      expect(() => cursors.read(cursor.slice(0, at) + letter + cursor.slice(at + 1), 'after')).toThrow(
        InvalidInputError,
      );
    }
    for (const text of ['', '.', 'a.b.c', `${cursor}x`, 'x'.repeat(10_000)]) {
      expect(() => cursors.read(text, 'after')).toThrow(InvalidInputError);
    }
  });

  it('carries positions of every kind', () => {
    const ref = { kind: 'RELATIONSHIP', key: 'r:1' } as const;
    expect(entityCodec.read(entityCodec.write(ref))).toEqual(ref);
    expect(changeCodec.read(changeCodec.write({ seq: 3n, ...ref }))).toEqual({ seq: 3n, ...ref });
    expect(recordCodec.read(recordCodec.write(['a', 'b']))).toEqual(['a', 'b']);
    const nobody = { actor: null, sessionId: 's' };
    expect(contributionCodec.read(contributionCodec.write(nobody))).toEqual(nobody);
    for (const codec of [entityCodec, changeCodec, recordCodec, contributionCodec]) {
      for (const json of [null, 1, 'x', {}, [1], [[]], [0, 1, 2]]) expect(codec.read(json)).toBeNull();
    }
  });
});
