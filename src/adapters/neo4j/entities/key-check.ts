import { CaptureError } from '../../../core/errors.ts';
import type { Connection } from '../connection.ts';
import { DEFAULT_KEY_PROPERTY, isOursText, quotedKeyProperty } from '../names.ts';
import { unfitKey } from './cypher.ts';

/** Examples named of each fault. */
const EXAMPLES = 5;

const KINDS = [
  { what: 'node', match: `MATCH (e) WHERE NOT ${isOursText('e')}`, name: 'labels(e)' },
  { what: 'relationship', match: 'MATCH ()-[e]->() WHERE true', name: '[type(e)]' },
] as const;

/**
 * A key property of the user's own has to tell all nodes apart, and all relationships, since it is never written. Reads every entity, twice.
 * @throws CaptureError that names the fault, with examples
 */
export async function checkOwnKeys(connection: Connection, graph: string, keyProperty: string): Promise<void> {
  if (keyProperty === DEFAULT_KEY_PROPERTY) return;
  const key = quotedKeyProperty(keyProperty);
  for (const { what, match, name } of KINDS) {
    const unfit = await connection.read(
      `${match} AND ${unfitKey(`e.${key}`)}
       RETURN elementId(e) AS id, ${name} AS names, valueType(e.${key}) AS type LIMIT ${EXAMPLES}`,
    );
    if (unfit.length > 0) {
      const examples = unfit.map(
        ({ id, names, type }) => `${id} (${String(names)}) has ${type === 'NULL' ? 'none' : type}`,
      );
      throw refusal(graph, keyProperty, `is not a text on every ${what}: ${examples.join(', ')}`);
    }
    const doubled = await connection.read(
      `${match} WITH e.${key} AS key, count(*) AS found WHERE found > 1 RETURN key, found LIMIT ${EXAMPLES}`,
    );
    if (doubled.length > 0) {
      const examples = doubled.map(({ key: value, found }) => `"${shortened(String(value))}" on ${found}`);
      throw refusal(graph, keyProperty, `is the same on several ${what}s: ${examples.join(', ')}`);
    }
  }
}

function refusal(graph: string, keyProperty: string, fault: string): CaptureError {
  const advice = 'put it right, or leave keyProperty out of the configuration so that keys are given';
  return new CaptureError(
    `graph ${graph} cannot be attached: the key property ${keyProperty} ${fault}; ${advice}`,
    'OFF',
  );
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
