import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeId } from '../../../src/api/graphql/ids.ts';
import type { EntityChange, EntityState } from '../../../src/core/entities.ts';
import { type RecordedApi, startRecordedApi } from '../../support/recorded-api.ts';
import { addAudit, addEvents, addOperations, addPlan, addPoints, addSessions } from '../../support/records.ts';

let api: RecordedApi;
let ids: { point: string; operation: string; conflict: string };

const change = (before: EntityState | null, after: EntityState | null): EntityChange => {
  const { kind, key } = after ?? before ?? { kind: 'NODE', key: '' };
  return { kind, key, before, after };
};
const node = (key: string, n: number): EntityState => ({
  kind: 'NODE',
  key,
  labels: ['A', `L${n}`],
  properties: { n },
});
const knows = (key: string, end: string): EntityState => ({
  kind: 'RELATIONSHIP',
  key,
  type: `T${key.slice(1)}`,
  start: 'n0',
  end,
  properties: {},
});

beforeAll(async () => {
  api = await startRecordedApi();
  const { prisma, graph } = api;
  const points = await addPoints(prisma, graph.id, 7);
  const point = points[0] ?? '';
  const [operation = ''] = await addOperations(prisma, graph.id, [point], 7);
  const [conflict = ''] = await addPlan(prisma, operation, 7);
  const proof = { method: 'TOUCHED_ENTITIES', at: { seq: '0' }, checkedEntities: '7', matches: true };
  await prisma.rollbackOperation.update({ where: { id: operation }, data: { proof } });
  await prisma.planRow.updateMany({ where: { operationId: operation }, data: { conflictId: conflict, cascade: true } });
  await prisma.proofDifference.updateMany({ where: { operationId: operation }, data: { explained: false } });
  await addEvents(prisma, graph.id, operation, [1, 2, 3, 4, 5, 6, 7]);
  await addAudit(prisma, point, 7);
  const sessions = await addSessions(prisma, graph.id, 7);
  await prisma.captureProblem.createMany({
    data: Array.from({ length: 7 }, (_, index) => ({ graphId: graph.id, kind: 'KEY', message: `m${index}` })),
  });
  await prisma.resolutionRule.createMany({
    data: Array.from({ length: 7 }, (_, index) => ({
      id: randomUUID(),
      graphId: graph.id,
      kind: 0,
      labels: ['A'],
      conflictType: 'VALUE',
      aspect: 'PROPERTY',
      property: `p${index}`,
      side: 'LIVE',
    })),
  });
  const keys = Array.from({ length: 7 }, (_, index) => `n${index}`);
  await api.record([
    ...keys.map((key, n) => change(null, node(key, n))),
    ...keys.map((end, index) => change(null, knows(`r${index}`, end))),
  ]);
  for (let n = 1; n <= 6; n += 1) {
    await api.record([change(node('n0', n - 1), node('n0', n))], { actor: `w${n}`, sessionId: sessions[n] ?? null });
  }
  ids = {
    point: encodeId('RollbackPoint', point),
    operation: encodeId('RollbackOperation', operation),
    conflict: encodeId('Conflict', conflict),
  };
});
afterAll(async () => api[Symbol.asyncDispose]());

const graphField = (field: string) => (page: string) =>
  `{ at: graph(name: "demo") { found: ${field.replace('PAGE', page)} ITEMS } }`;
const recordField = (root: 'point' | 'operation' | 'conflict', field: string) => (page: string) => {
  const names = { point: 'rollbackPoint', operation: 'rollbackOperation', conflict: 'conflict' };
  return `{ at: ${names[root]}(id: "${ids[root]}") { found: ${field.replace('PAGE', page)} ITEMS } }`;
};
const entityField = (field: string) => (page: string) =>
  `{ at: graph(name: "demo") { entity(key: "n0") { ... on GraphNode { found: ${field.replace('PAGE', page)} ITEMS } } } }`;

/** What identifies an item, the size of the whole, and how it is asked for. */
const connections: readonly (readonly [name: string, query: (page: string) => string, item: string])[] = [
  ['Graph.nodes', graphField('nodes(PAGE)'), 'key'],
  ['Graph.nodes of a label', graphField('nodes(label: "A", PAGE)'), 'key'],
  ['Graph.nodes of the past', graphField('nodes(at: { seq: 1 }, PAGE)'), 'key'],
  ['Graph.relationships', graphField('relationships(PAGE)'), 'key'],
  ['Graph.labels', graphField('labels(PAGE)'), 'name'],
  ['Graph.relationshipTypes', graphField('relationshipTypes(PAGE)'), 'name'],
  ['Graph.transactions', graphField('transactions(filter: { since: { seq: 0 } }, PAGE)'), 'seq'],
  ['Graph.changes', graphField('changes(filter: { kind: NODE, action: UPDATED, since: { seq: 0 } }, PAGE)'), 'id'],
  ['Graph.contributions', graphField('contributions(since: { seq: 0 }, PAGE)'), 'actor'],
  [
    'Graph.contributions in scope',
    graphField('contributions(since: { seq: 0 }, scope: { keys: ["n0"] }, PAGE)'),
    'actor',
  ],
  ['Graph.sessions', graphField('sessions(PAGE)'), 'name'],
  ['Graph.sessions by presence', graphField('sessions(filter: { present: true }, PAGE)'), 'name'],
  ['Graph.points', graphField('points(PAGE)'), 'name'],
  ['Graph.operations', graphField('operations(PAGE)'), 'id'],
  ['Graph.resolutionRules', graphField('resolutionRules(PAGE)'), 'property'],
  [
    'Capture.problems',
    (page) => `{ at: graph(name: "demo") { capture { found: problems(${page}) ITEMS } } }`,
    'message',
  ],
  [
    'Diff.changes',
    (page) => `{ at: graph(name: "demo") { diff(from: { seq: 0 }) { found: changes(kind: NODE, ${page}) ITEMS } } }`,
    'key',
  ],
  [
    'Diff.changes to a past moment',
    (page) =>
      `{ at: graph(name: "demo") { diff(from: { seq: 0 }, to: { seq: 3 }) { found: changes(${page}) ITEMS } } }`,
    'key',
  ],
  [
    'Transaction.changes',
    (page) =>
      `{ at: graph(name: "demo") { transactions(first: 1, filter: { since: { seq: 0 } }) { nodes { found: changes(${page}) ITEMS } } } }`,
    'key',
  ],
  ['Entity.history', entityField('history(PAGE)'), 'from { seq }'],
  ['GraphNode.relationships', entityField('relationships(direction: OUT, PAGE)'), 'key'],
  ['RollbackPoint.operations', recordField('point', 'operations(PAGE)'), 'id'],
  ['RollbackPoint.audit', recordField('point', 'audit(filter: { userId: "ada" }, PAGE)'), 'seq'],
  ['RollbackOperation.plan', recordField('operation', 'plan(state: [PENDING], PAGE)'), 'change { key }'],
  ['RollbackOperation.cascade', recordField('operation', 'cascade(PAGE)'), 'key'],
  ['RollbackOperation.conflicts', recordField('operation', 'conflicts(PAGE)'), 'key'],
  ['RollbackOperation.events', recordField('operation', 'events(PAGE)'), 'seq'],
  ['RollbackOperation.logEntries', recordField('operation', 'logEntries(PAGE)'), 'message'],
  [
    'Proof.differences',
    (page) => `{ at: rollbackOperation(id: "${ids.operation}") { proof { found: differences(${page}) ITEMS } } }`,
    'key',
  ],
  ['Conflict.dependents', recordField('conflict', 'dependents(PAGE)'), 'key'],
];

interface Page {
  readonly edges: readonly { cursor: string; node: unknown }[];
  readonly nodes: readonly unknown[];
  readonly pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
  readonly totalCount: string | null;
}

/** The value named `found`, wherever it is. */
function found(data: unknown): Page {
  const queue: unknown[] = [data];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (typeof next !== 'object' || next === null) continue;
    // The query names one field so, and it is a connection.
    if ('found' in next) return next.found as Page;
    queue.push(...Object.values(next));
  }
  throw new Error(`no connection in ${JSON.stringify(data)}`);
}

const read = async (query: string, item: string): Promise<Page> => {
  const items = `{ edges { cursor node { ${item} } } nodes { ${item} } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }`;
  const text = query.includes('ITEMS')
    ? query.replace('ITEMS', items)
    : query.replace(/\) \}( \}|\}| )*$/, (end) => `) ${items} ${end.slice(2)}`);
  return found(await api.client.data(text));
};

describe.each(connections)('%s', (_name, query, item) => {
  it('pages forwards and backwards through the same items in the same order', async () => {
    const all = await read(query('first: 100'), item);
    const size = all.nodes.length;
    expect(size).toBeGreaterThan(2);
    expect(new Set(all.nodes.map((each) => JSON.stringify(each))).size).toBe(size);
    expect(all.edges.map((edge) => edge.node)).toEqual(all.nodes);
    expect(all.pageInfo).toMatchObject({
      hasNextPage: false,
      hasPreviousPage: false,
      endCursor: all.edges.at(-1)?.cursor,
    });
    expect(all.totalCount === null || all.totalCount === String(size)).toBe(true);

    const forwards: unknown[] = [];
    let after = '';
    for (let more = true; more; ) {
      const page = await read(query(`first: 2${after}`), item);
      forwards.push(...page.nodes);
      expect(page.nodes.length).toBeLessThanOrEqual(2);
      expect(page.pageInfo.hasPreviousPage).toBe(after !== '');
      more = page.pageInfo.hasNextPage;
      after = `, after: "${page.pageInfo.endCursor}"`;
    }
    expect(forwards).toEqual(all.nodes);

    const backwards: unknown[] = [];
    let before = '';
    for (let more = true; more; ) {
      const page = await read(query(`last: 2${before}`), item);
      backwards.unshift(...page.nodes);
      expect(page.pageInfo.hasNextPage).toBe(before !== '');
      more = page.pageInfo.hasPreviousPage;
      before = `, before: "${page.pageInfo.startCursor}"`;
    }
    expect(backwards).toEqual(all.nodes);
  });

  it('refuses sizes out of bounds and cursors from elsewhere, naming the argument', async () => {
    const cursor = (await read(query('first: 1'), item)).pageInfo.endCursor ?? '';
    const refused = [
      'first: 0',
      'first: 501',
      'last: -1',
      'first: 1, last: 1',
      'first: 1, after: "x"',
      `last: 1, before: "${cursor}x"`,
    ];
    for (const page of refused) {
      const { errors } = await api.client.request(fill(query(page), item));
      expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
      const names = ['first', 'last', 'after', 'before'];
      expect(names).toContain(errors?.[0]?.extensions.fields[0].path[0]);
    }
  });
});

function fill(query: string, item: string): string {
  const items = `{ nodes { ${item} } }`;
  return query.includes('ITEMS')
    ? query.replace('ITEMS', items)
    : query.replace(/\) \}( \}|\}| )*$/, (end) => `) ${items} ${end.slice(2)}`);
}

describe('a cursor', () => {
  it('of one connection is refused by every other', async () => {
    const own = new Map<string, string>();
    for (const [name, query, item] of connections)
      own.set(name, (await read(query('first: 1'), item)).pageInfo.endCursor ?? '');
    for (const [name, query, item] of connections) {
      for (const [other, cursor] of own) {
        if (other === name) continue;
        expect([name, other, await api.client.code(fill(query(`first: 1, after: "${cursor}"`), item))]).toEqual([
          name,
          other,
          'INVALID_INPUT',
        ]);
      }
    }
  });

  it('keeps a live page where its first page was while others write', async () => {
    const page = `{ nodes { key at { seq } } pageInfo { endCursor hasNextPage } }`;
    const first = found(await api.client.data(`{ graph(name: "demo") { found: nodes(first: 6) ${page} } }`));
    const changes = found(
      await api.client.data(
        `{ graph(name: "demo") { diff(from: { seq: 0 }) { found: changes(first: 6) ${page.replace(' at { seq }', '')} } } }`,
      ),
    );
    await api.record([
      change(null, { kind: 'NODE', key: 'n0a', labels: [], properties: {} }),
      change(null, { kind: 'NODE', key: 'n9', labels: [], properties: {} }),
    ]);
    const rest = found(
      await api.client.data(`{ graph(name: "demo") { found: nodes(after: "${first.pageInfo.endCursor}") ${page} } }`),
    );
    expect(rest.nodes).toEqual([{ key: 'n6', at: { seq: '7' } }]);
    const others = found(
      await api.client.data(
        `{ graph(name: "demo") { diff(from: { seq: 0 }) { found: changes(after: "${changes.pageInfo.endCursor}", kind: null) ${page.replace(' at { seq }', '')} } } }`,
      ),
    );
    expect(JSON.stringify(others.nodes)).not.toMatch(/n9|n0a/);
  });

  it('keeps a diff from or to the live state where its first page was, also when that state is named', async () => {
    const ends = {
      'from: { seq: 0 }, to: { keyword: LIVE }': 'nodesCreated',
      'from: { keyword: LIVE }, to: { seq: 0 }': 'nodesDeleted',
    };
    for (const [between, kind] of Object.entries(ends)) {
      const page = async (args: string) => {
        const query = `{ graph(name: "demo") { diff(${between}) { summary { ${kind} } found: changes(kind: NODE, ${args}) {
          nodes { key } pageInfo { endCursor hasNextPage } } } } }`;
        const data = await api.client.data(query);
        return { ...found(data), all: Number(data.graph.diff.summary[kind]) };
      };
      const first = await page('first: 2');
      const late = `late-${kind}`;
      await api.record([change(null, { kind: 'NODE', key: late, labels: [], properties: {} })]);
      const rest = await page(`first: 100, after: "${first.pageInfo.endCursor}"`);
      expect(rest.nodes).toHaveLength(first.all - 2);
      expect(JSON.stringify(rest.nodes)).not.toContain(late);
    }
  });

  it('finds one session that has ended behind many that are present', async () => {
    const { prisma, graph } = api;
    await prisma.session.createMany({
      data: Array.from({ length: 150 }, (_, index) => ({
        id: randomUUID(),
        graphId: graph.id,
        name: `crowd${index}`,
        actor: 'crowd',
        openedAt: new Date(Date.UTC(2031, 0, 1, 0, index)),
        closedAt: index === 0 ? new Date(Date.UTC(2032, 0, 1)) : null,
      })),
    });
    const page = (args: string) =>
      api.client.data(
        `{ graph(name: "demo") { found: sessions(filter: { actor: "crowd", ${args} }, first: 1) { nodes { name } pageInfo { hasNextPage } } } }`,
      );
    expect(found(await page('present: false'))).toMatchObject({ nodes: [{ name: 'crowd0' }] });
    expect(found(await page('present: true'))).toMatchObject({ nodes: [{ name: 'crowd149' }] });
  });
});
