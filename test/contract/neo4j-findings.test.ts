import { expect, test } from '@jest/globals';
import { Findings } from '../../src/adapters/neo4j/findings.ts';

const changed = (incident: string) => ({ kind: 'KEY_CHANGED', message: '', key: 'a', gap: true, incident });
const gapsOf = (findings: Findings): (string | undefined)[] =>
  findings
    .all()
    .filter(({ gap }) => gap)
    .map(({ incident }) => incident);

const many = (name: string): string[] => Array.from({ length: 500 }, (_, n) => `${name}${n}`);

test('what is no gap is kept up to a bound, and gives way to a gap', () => {
  const findings = new Findings();
  findings.addDoubled('uuid', many('k'));
  const kept = findings.all().length;
  expect(kept).toBeLessThan(500);
  findings.add('KEY_CHANGED:a', changed('first'));
  expect(gapsOf(findings)).toEqual(['first']);
  expect(findings.all()).toHaveLength(kept);
});

test('of more gaps than are kept the newest is there, and stays when all that were there before it are settled', () => {
  const findings = new Findings();
  const incidents = many('i');
  for (const incident of incidents) findings.add(`KEY_CHANGED:${incident}`, changed(incident));
  expect(findings.all().length).toBeLessThan(500);
  expect(gapsOf(findings)).toContain(incidents.at(-1));
  const known = new Set(gapsOf(findings).map(String));
  findings.add('KEY_CHANGED:late', changed('late'));
  findings.settle(known);
  expect(gapsOf(findings)).toEqual(['late']);
});
