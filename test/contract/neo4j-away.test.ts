import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Neo4jGraph } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { triggerCapture } from '../../src/adapters/neo4j/trigger/trigger-capture.ts';
import type { Bindings } from '../../src/ports/bindings.ts';
import { GraphError } from '../../src/ports/graph-error.ts';
import { looseSecret } from '../support/capture-secret.ts';
import { byApi } from '../support/captured.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

jest.setTimeout(120_000);

/** What operations, recorders and verifications ask of a graph. */
const QUESTIONS: readonly (readonly [string, (graph: Neo4jGraph) => Promise<unknown>])[] = [
  ['its constraints', ({ constraints }) => constraints.read()],
  [
    'holders of unique values',
    ({ constraints }) =>
      constraints.holders(
        { name: 'one_mail', kind: 'UNIQUE', entity: 'NODE', subject: 'User', properties: ['mail'], types: [] },
        [['a@x']],
      ),
  ],
  ['its schema', (graph) => graph.readSchema()],
  ['another schema', (graph) => graph.changeSchema([], [])],
  ['its stamp', ({ stamp }) => stamp.read()],
  ['another stamp', ({ stamp }) => stamp.write('text')],
  ['its store', (graph) => graph.storeId()],
  ['entities', (graph) => graph.read([{ kind: 'NODE', key: 'a' }])],
  ['all entities', (graph) => graph.scan('NODE', 10).next()],
  ['a count', (graph) => graph.count()],
  ['a transaction', (graph) => graph.transaction(byApi(), (tx) => tx.lock([{ kind: 'NODE', key: 'a' }]))],
  ['a marker to go', (graph) => graph.forgetMarker('operation')],
  ['a baseline', (graph) => first(graph.baseline(null, 10))],
  ['what waits', (graph) => graph.pending()],
  ['the feed', (graph) => first(graph.feed(10))],
  ['what is recorded to go', (graph) => graph.acknowledge(['id'])],
  ['its capture', (graph) => graph.inspectCapture()],
  ['capture', (graph) => graph.attach()],
  ['no capture', (graph) => graph.detach({ removeKeys: false })],
];

const NO_BINDINGS: Bindings = {
  find: async () => new Map(),
  add: async () => new Map(),
  put: async () => {},
  forget: async () => {},
  clear: async () => {},
};

function first(items: AsyncIterable<unknown>): Promise<unknown> {
  return items[Symbol.asyncIterator]().next();
}

function graphAt(port: number): Neo4jGraph {
  const kept = { bindings: NO_BINDINGS, secret: looseSecret() };
  const address = { url: `bolt://127.0.0.1:${port}` };
  return new Neo4jGraph('away', address, kept, triggerCapture(), { attempts: 1, connectTimeoutMs: 2000 });
}

let never: Neo4jGraph;
let gone: Neo4jGraph;
beforeAll(async () => {
  never = graphAt(1);
  const { url, giveBack } = await borrowSharedNeo4j();
  try {
    const { hostname: host, port } = new URL(url);
    const proxy = await startTcpProxy({ host, port: Number(port) });
    gone = graphAt(proxy.port);
    await gone.count();
    await proxy.close();
  } finally {
    giveBack();
  }
});
afterAll(async () => {
  await never?.close();
  await gone?.close();
});

// An operation that is told so waits, and one that is told anything else fails.
describe.each([
  ['never answered', () => never],
  ['went away', () => gone],
])('a graph that %s may be asked again', (_, graph) => {
  test.each(QUESTIONS)('for %s', async (_question, ask) => {
    const error = await ask(graph()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({ retryable: true });
  });
});
