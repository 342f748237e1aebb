import { randomUUID } from 'node:crypto';
import type { EntityChange, NodeState, RelationshipState } from '../../src/core/entities.ts';
import type { RecordedApi } from './recorded-api.ts';

const SESSIONS = 20;
const TRANSACTIONS = 3;

/**
 * Sessions one after the other on a star of `SESSIONS` nodes: each changes a node and its relationship a few times.
 * Every second one is closed; the points are where the sessions end, and every third session begins at one.
 */
export async function addSessionHistory(api: RecordedApi, points: readonly string[]): Promise<void> {
  const node = (index: number, n: number): NodeState => ({
    kind: 'NODE',
    key: `n${index}`,
    labels: n === 0 ? [] : ['Busy'],
    properties: n === 0 ? {} : { n },
  });
  const relationship = (index: number, n: number): RelationshipState => ({
    kind: 'RELATIONSHIP',
    key: `r${index}`,
    type: 'KNOWS',
    start: 'n0',
    end: `n${index}`,
    properties: n === 0 ? {} : { n },
  });
  let begun = new Date((await api.prisma.graphTransaction.findFirstOrThrow({ orderBy: { seq: 'desc' } })).time);
  for (let index = 0; index < SESSIONS; index += 1) {
    const id = randomUUID();
    const point = points[index];
    let ended = { seq: 0n, time: begun };
    for (let n = 0; n < TRANSACTIONS; n += 1) {
      const changes: EntityChange[] = [
        { kind: 'NODE', key: `n${index}`, before: node(index, n), after: node(index, n + 1) },
        {
          kind: 'RELATIONSHIP',
          key: `r${index}`,
          before: relationship(index, n),
          after: relationship(index, n + 1),
        },
      ];
      ended = await api.record(changes, { sessionId: id });
    }
    if (point !== undefined) {
      const data = { seq: ended.seq, timestamp: ended.time };
      await api.prisma.rollbackPoint.update({ where: { id: point }, data });
    }
    await api.prisma.session.create({
      data: {
        id,
        graphId: api.graph.id,
        name: `s${index}`,
        actor: 'ada',
        openedAt: begun,
        closedAt: index % 2 === 0 ? null : ended.time,
        pointId: index % 3 === 0 ? (points[index - 1] ?? null) : null,
      },
    });
    begun = ended.time;
  }
}
