import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

/** U+FEFF, which decoders like to take for a byte order mark when it comes first. */
const B = '\ufeff';

describe.each(engines)('text that begins with U+FEFF on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
  });
  afterAll(() => endService(service, engine));

  test('comes back whole wherever it is shown', async () => {
    const { client, made, ended } = service;
    const session = await made('openSession', 'id name actor label point { name }', {
      graph: 'demo',
      name: `${B}session`,
      actor: `${B}actor`,
      label: `${B}label`,
    });
    expect(session).toMatchObject({ name: `${B}session`, actor: `${B}actor`, label: `${B}label` });
    const point = await made('createRollbackPoint', 'id name description metadata', {
      graph: 'demo',
      name: `${B}point`,
      description: `${B}description`,
      metadata: { [`${B}a`]: `${B}b` },
    });
    expect(point).toMatchObject({
      name: `${B}point`,
      description: `${B}description`,
      metadata: { [`${B}a`]: `${B}b` },
    });
    const set = [{ name: `${B}p`, value: `${B}v` }];
    const written = await made('writeGraph', 'keys transaction { seq actor session { name } }', {
      graph: 'demo',
      session: session.id,
      changes: [
        { putNode: { key: `${B}a`, labels: [`${B}L`], set } },
        { putNode: { key: `${B}${B}a` } },
        { putRelationship: { key: `${B}r`, type: `${B}T`, start: `${B}a`, end: `${B}${B}a`, set } },
      ],
    });
    expect(written.keys).toEqual([`${B}a`, `${B}${B}a`, `${B}r`]);
    expect(written.transaction).toMatchObject({ actor: `${B}actor`, session: { name: `${B}session` } });
    const query = `query ($key: ID!, $label: String!, $actor: String!) { graph(name: "demo") {
      nodes { nodes { key } } of: nodes(label: $label) { nodes { key labels } } relationships { nodes { key type start { key } end { key } } }
      labels { nodes { name count } } relationshipTypes { nodes { name } } session(name: "${B}session") { name }
      entity(key: $key) { key ... on GraphNode { labels properties { name value { json } } relationships { nodes { key } } }
        history { nodes { state { labels } transaction { actor } } } }
      transactions(filter: { actor: $actor }) { nodes { actor changes { nodes { key after { startKey endKey } } } } }
      contributions(since: { keyword: EARLIEST }) { nodes { actor } }
      diff(from: { keyword: EARLIEST }) { changes { nodes { key } } } } }`;
    const { graph } = await client.data(query, { key: `${B}a`, label: `${B}L`, actor: `${B}actor` });
    expect(graph).toMatchObject({
      nodes: { nodes: [{ key: `${B}a` }, { key: `${B}${B}a` }] },
      of: { nodes: [{ key: `${B}a`, labels: [`${B}L`] }] },
      relationships: {
        nodes: [{ key: `${B}r`, type: `${B}T`, start: { key: `${B}a` }, end: { key: `${B}${B}a` } }],
      },
      labels: { nodes: [{ name: `${B}L`, count: '1' }] },
      relationshipTypes: { nodes: [{ name: `${B}T` }] },
      session: { name: `${B}session` },
      entity: {
        key: `${B}a`,
        labels: [`${B}L`],
        properties: [{ name: `${B}p`, value: { json: `${B}v` } }],
        relationships: { nodes: [{ key: `${B}r` }] },
        history: { nodes: [{ state: { labels: [`${B}L`] }, transaction: { actor: `${B}actor` } }] },
      },
      contributions: { nodes: [{ actor: `${B}actor` }] },
    });
    const keys = [`${B}a`, `${B}${B}a`, `${B}r`].sort();
    const keysOf = ({ nodes }: { nodes: readonly { key: string }[] }) => nodes.map(({ key }) => key).sort();
    expect(keysOf(graph.diff.changes)).toEqual(keys);
    expect(keysOf(graph.transactions.nodes[0].changes)).toEqual(keys);

    const { id } = await made('rollback', 'id', {
      graph: 'demo',
      undo: { by: { session: session.id } },
      reason: `${B}why`,
    });
    expect(await ended(id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: '3' } });
    const shown = `query ($id: ID!) { rollbackOperation(id: $id) { plan { nodes { change { key } } } undo { session { name } } } }`;
    const { rollbackOperation } = await client.data(shown, { id });
    expect(
      keysOf({ nodes: rollbackOperation.plan.nodes.map(({ change }: { change: { key: string } }) => change) }),
    ).toEqual(keys);
  });
});
