import { accumulator } from '../../src/core/checksum.ts';
import { stateHash } from '../../src/core/hash.ts';
import type { RecordingWorld } from './recording-world.ts';

const MODULUS = 2n ** 256n;

interface TransactionRow {
  readonly seq: bigint;
  readonly feed_id: string;
  readonly source: string;
  readonly change_count: bigint;
  readonly checksum: Uint8Array;
}

interface VersionRow {
  readonly kind: number;
  readonly key: string;
  readonly valid_from_seq: bigint;
  readonly present: boolean;
  readonly hash: Uint8Array | null;
}

/**
 * What is wrong with a recorded history, read from its tables and from the live graph with none of the service's own reading: nothing, for
 * a history in which every transaction is recorded once and the chain holds.
 */
export async function flawsOf(world: RecordingWorld): Promise<string[]> {
  const flaws: string[] = [];
  const check = (holds: boolean, flaw: string): void => {
    if (!holds && flaws.length < 20) flaws.push(flaw);
  };
  const { database, graphId } = world;
  const transactions = (
    await database.query<TransactionRow>(
      'SELECT seq, feed_id, source, change_count, checksum FROM graph_transactions WHERE graph_id = $1 AND seq > 0 ORDER BY seq',
      [graphId],
    )
  ).rows;
  const versions = (
    await database.query<VersionRow>(
      `SELECT kind, key, valid_from_seq, present, hash FROM entity_versions WHERE graph_id = $1
       ORDER BY kind, key COLLATE "C", valid_from_seq`,
      [graphId],
    )
  ).rows;

  transactions.forEach(({ seq, source }, at) => {
    check(seq === BigInt(at + 1), `seq ${seq} is number ${at + 1}`);
    check(source === 'API', `transaction ${seq} is a ${source}: something was taken for missed`);
  });
  check(
    new Set(transactions.map(({ feed_id }) => feed_id)).size === transactions.length,
    'a transaction is recorded twice',
  );

  const deltas = new Map<bigint, { sum: bigint; changes: bigint }>();
  versions.forEach((version, at) => {
    const previous = versions[at - 1];
    const continues = previous?.kind === version.kind && previous.key === version.key;
    check(continues || version.present, `${version.key} begins by being deleted`);
    const delta = deltas.get(version.valid_from_seq) ?? { sum: 0n, changes: 0n };
    delta.sum += numberOf(version.hash) - numberOf(continues ? previous.hash : null);
    delta.changes += 1n;
    deltas.set(version.valid_from_seq, delta);
  });
  let sum = 0n;
  for (const { seq, change_count, checksum } of transactions) {
    const delta = deltas.get(seq) ?? { sum: 0n, changes: 0n };
    sum = (((sum + delta.sum) % MODULUS) + MODULUS) % MODULUS;
    check(delta.changes === change_count, `transaction ${seq} has ${delta.changes} of ${change_count} changes`);
    check(sum === numberOf(checksum), `the checksum of transaction ${seq} is not the sum of its states`);
  }
  check(deltas.size === transactions.length, 'there are versions of transactions that are not recorded');

  const live = accumulator();
  const marks = new Set<string>();
  for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
    for await (const page of world.graph.scan(kind, 5000)) {
      for (const state of page) {
        live.add(stateHash(state));
        if (state.key.startsWith('tx:')) marks.add(state.key.slice(3));
      }
    }
  }
  check(sum === numberOf(live.sum()), 'the checksum is not that of the live graph');
  const recorded = new Set(transactions.map(({ feed_id }) => feed_id));
  for (const mark of marks) check(recorded.has(mark), `transaction ${mark} committed and is not recorded`);
  const graph = await world.record();
  check(numberOf(graph.checksum) === sum, 'the head has another checksum than the last transaction');
  check(graph.captureError === null, `capture is in error: ${graph.captureError}`);
  check((await world.graph.pending()).transactions === 0n, 'something is still waiting to be recorded');
  return flaws;
}

const numberOf = (bytes: Uint8Array | null): bigint =>
  bytes === null ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
