import { expect, test } from '@jest/globals';
import { Notices } from '../../src/adapters/neo4j/notices.ts';

const changed = (key: string) => ({ kind: 'KEY_CHANGED', message: '', key, gap: true });
const gapsOf = (notices: Notices): (string | null)[] =>
  notices
    .all()
    .filter(({ gap }) => gap)
    .map(({ key }) => key);

const many = (name: string): string[] => Array.from({ length: 500 }, (_, n) => `${name}${n}`);

test('what is no gap is kept up to a bound, and gives way to a gap', () => {
  const notices = new Notices();
  notices.addDoubled('uuid', many('k'));
  const kept = notices.all().length;
  expect(kept).toBeLessThan(500);
  notices.add(changed('first'));
  expect(gapsOf(notices)).toEqual(['first']);
  expect(notices.all()).toHaveLength(kept);
});

test('of more gaps than are kept the newest is there, and stays when all that were there before it are forgotten', () => {
  const notices = new Notices();
  for (const key of many('k')) notices.add(changed(key));
  expect(notices.all().length).toBeLessThan(500);
  expect(gapsOf(notices)).toContain('k499');
  const known = notices.all();
  notices.add(changed('late'));
  notices.forget(known);
  expect(gapsOf(notices)).toEqual(['late']);
});

test('what comes again while it is stored is told again', () => {
  const notices = new Notices();
  notices.add(changed('k'));
  const known = notices.all();
  notices.add(changed('k'));
  notices.forget(known);
  expect(gapsOf(notices)).toEqual(['k']);
});
