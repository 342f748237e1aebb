import { sameValue } from '../core/canonical.ts';
import { decodeValue } from '../core/decode.ts';
import type { EntityKind, EntityState } from '../core/entities.ts';
import { InvalidInputError, LimitError } from '../core/errors.ts';
import type { History } from '../ports/history.ts';

/** The most nodes or relationships among which a property is looked for. */
export const MAX_CANDIDATES = 20_000;

/** Whether an entity has exactly this value. @throws InvalidInputError when the JSON is no value */
export function exactly(where: { name: string; value: unknown }): (state: EntityState) => boolean {
  const decoded = decodeValue(where.value);
  if (!decoded.ok) {
    throw InvalidInputError.field(['where', 'value', ...decoded.path.map(String)], decoded.message);
  }
  const wanted = decoded.value;
  return ({ properties }) => {
    const value = Object.hasOwn(properties, where.name) ? properties[where.name] : undefined;
    return value !== undefined && sameValue(value, wanted);
  };
}

interface Candidates {
  readonly kind: EntityKind;
  readonly label?: string;
  readonly type?: string;
}

/**
 * Refuses to look for a property among too many entities. Counts are those of now for a label or type, and of the moment without
 * one; a name that was common once and is rare now is caught by the bound on rows read.
 * @throws LimitError
 */
export async function refuseManyCandidates(
  history: Pick<History, 'names' | 'transactionsBySeq'>,
  graphId: number,
  seq: bigint,
  { kind, label, type }: Candidates,
): Promise<void> {
  const name = kind === 'NODE' ? label : type;
  const count =
    name === undefined ? await total(history, graphId, seq, kind) : await named(history, graphId, kind, name);
  if (count <= BigInt(MAX_CANDIDATES)) return;
  const what = name ?? (kind === 'NODE' ? 'nodes' : 'relationships');
  throw new LimitError(
    `${count} entities (${what}) would have to be read, at most ${MAX_CANDIDATES} are`,
    BigInt(MAX_CANDIDATES),
  );
}

async function total(
  history: Pick<History, 'transactionsBySeq'>,
  graphId: number,
  seq: bigint,
  kind: EntityKind,
): Promise<bigint> {
  const moment = (await history.transactionsBySeq(graphId, [seq])).get(seq);
  return (kind === 'NODE' ? moment?.nodeCount : moment?.relationshipCount) ?? 0n;
}

async function named(
  history: Pick<History, 'names'>,
  graphId: number,
  kind: EntityKind,
  name: string,
): Promise<bigint> {
  // The last name before the one that would follow directly.
  const page = { limit: 1, before: `${name}\u0001`, backwards: true };
  const [found] = (await history.names(graphId, kind === 'NODE' ? 'L' : 'T', page)).items;
  return found?.name === name ? found.count : 0n;
}
