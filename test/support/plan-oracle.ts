import type { EntityRef, EntityState } from '../../src/core/entities.ts';

/**
 * The planner's slow twin. It shares no code with src/core: it walks an entity's whole history write by write and applies the rule of the
 * specification as it is worded, aspect by aspect, asking of every write in turn whether it counts. Exponential where that is simplest.
 */

/** A transaction of history; `undid` says which transactions a rollback took back. `isFresh`: a person chose what it wrote there. */
export interface OracleTx {
  readonly seq: bigint;
  readonly undid: ((seq: bigint) => boolean) | null;
  readonly isFresh: (aspect: string) => boolean;
}

export interface OracleInput {
  readonly ref: EntityRef;
  /** Every transaction that left the entity with other content, with what it left. */
  readonly steps: readonly { readonly tx: OracleTx; readonly state: EntityState | null }[];
  readonly live: EntityState | null;
  readonly isUndone: (seq: bigint) => boolean;
  readonly inScope: (aspect: string) => boolean;
}

export interface OracleConflict {
  readonly type: string;
  readonly aspect: string;
  readonly property: string | null;
  readonly base: unknown;
  readonly target: unknown;
  readonly live: unknown;
}

export interface OraclePlan {
  readonly after: EntityState | null;
  readonly overwritten: EntityState | null;
  readonly conflicts: readonly OracleConflict[];
}

/** One write of one aspect; `takes` is null for a write that is no put-back. */
interface Write {
  readonly seq: bigint;
  readonly value: unknown;
  readonly mine: boolean;
  readonly takes: ((earlier: Write) => boolean) | null;
}

interface Judged {
  readonly aspect: string;
  readonly says: 'keep' | 'take' | 'ask';
  readonly base: unknown;
  readonly target: unknown;
  readonly live: unknown;
}

export function oraclePlan(input: OracleInput): OraclePlan {
  const { live, inScope } = input;
  const aspects = allAspects(input);
  const judged = aspects.filter(inScope).flatMap((aspect) => judge(input, aspect) ?? []);
  const existence = judged.find(({ aspect }) => aspect === 'existence');
  if (live === null) return planAbsent(input, aspects, judged, existence);
  if (existence !== undefined && existence.says !== 'keep' && existence.target === null) {
    const content = aspects.filter((aspect) => aspect !== 'existence' && holds(input, aspect));
    if (existence.says === 'take' && content.length === 0) return settled(null);
    return { after: live, overwritten: null, conflicts: [structure('EXISTENCE')] };
  }
  const wanted = judged.filter(({ says }) => says !== 'keep');
  const asked = judged.filter(({ says }) => says === 'ask');
  const taken = judged.filter(({ says }) => says === 'take');
  return { after: withValues(live, taken), overwritten: withValues(live, wanted), conflicts: asked.map(conflictOf) };
}

function planAbsent(
  input: OracleInput,
  aspects: readonly string[],
  judged: readonly Judged[],
  existence: Judged | undefined,
): OraclePlan {
  if (existence?.says === 'take') {
    return settled(fromValues(input.ref, new Map(aspects.map((aspect) => [aspect, withoutMine(input, aspect)]))));
  }
  const changed = judged.some(({ says }) => says !== 'keep') && input.inScope('existence');
  if (!changed || existence?.target === null) return settled(null);
  const last = input.steps.findLast(({ state }) => state !== null)?.state ?? null;
  const values = new Map(aspects.map((aspect) => [aspect, contentOf(last, aspect)]));
  for (const { aspect, base, target } of judged) if (!equal(base, target)) values.set(aspect, target);
  return { after: null, overwritten: fromValues(input.ref, values), conflicts: [structure('EXISTENCE')] };
}

/** Base, target and live of an aspect and what the rule says; null when the undo set did not write it. */
function judge(input: OracleInput, aspect: string): Judged | null {
  const writes = writesOf(input, aspect);
  if (!writes.some(({ mine }) => mine)) return null;
  const last = lastOfMine(writes, ({ mine }) => mine);
  const base = writes[last]?.value ?? null;
  const target = inForce(writes.slice(0, last + 1), ({ mine }) => mine).value;
  const live = writes.at(-1)?.value ?? null;
  // A node that is there has labels, if only none.
  const same = (a: unknown, b: unknown): boolean => (aspect === 'labels' ? equal(a ?? [], b ?? []) : equal(a, b));
  const minesLast = last === writes.length - 1;
  const settledAlready = same(live, target) || (!minesLast && (same(live, base) || same(base, target)));
  return { aspect, says: settledAlready ? 'keep' : minesLast ? 'take' : 'ask', base, target, live };
}

/** The undo set's last write: by one of its transactions, or putting back what would be something else without the undo set. */
function lastOfMine(writes: readonly Write[], isMine: (write: Write) => boolean): number {
  for (let at = writes.length - 1; at >= 0; at -= 1) {
    const write = writes[at];
    if (write === undefined) continue;
    if (isMine(write)) return at;
    if (write.takes === null) continue;
    const upTo = writes.slice(0, at + 1);
    if (inForce(upTo, () => false).at !== inForce(upTo, isMine).at) return at;
  }
  return -1;
}

/** The write whose value would be there now if the void ones had not happened. `at` is -1 for what was before all of them: nothing. */
function inForce(writes: readonly Write[], isVoid: (write: Write) => boolean): { at: number; value: unknown } {
  const stands = (at: number): boolean => {
    const write = writes[at];
    if (write === undefined || isVoid(write)) return false;
    return !writes.some((later, place) => place > at && later.takes !== null && later.takes(write) && stands(place));
  };
  for (let at = writes.length - 1; at >= 0; at -= 1) {
    const write = writes[at];
    if (write !== undefined && write.takes === null && stands(at)) return { at, value: write.value };
  }
  return { at: -1, value: null };
}

function withoutMine(input: OracleInput, aspect: string): unknown {
  return inForce(writesOf(input, aspect), ({ mine }) => mine).value;
}

/** Whether others' writes left something in the aspect; labels or a property that they removed are nothing. */
function holds(input: OracleInput, aspect: string): boolean {
  const left = withoutMine(input, aspect);
  return aspect === 'labels' ? !equal(left ?? [], []) : left !== null;
}

function writesOf({ steps, live, isUndone }: OracleInput, aspect: string): Write[] {
  const writes: Write[] = [];
  let state: EntityState | null = null;
  const add = (after: EntityState | null, seq: bigint, mine: boolean, takes: Write['takes']): void => {
    const turned = (state === null) !== (after === null);
    const value = contentOf(after, aspect);
    if (turned || !equal(contentOf(state, aspect), value)) writes.push({ seq, value, mine, takes });
    state = after;
  };
  for (const [at, { tx, state: after }] of steps.entries()) {
    add(after, tx.seq, isUndone(tx.seq), takenBy(steps.slice(0, at), tx, after, aspect));
  }
  add(live, (steps.at(-1)?.tx.seq ?? 0n) + 1n, false, null);
  return writes;
}

/**
 * What a rollback's write took away: what its undo set wrote, and where it overwrote what others had written on top, that too. An entity
 * that vanished with content of others took all of it along, since it last came into being.
 */
function takenBy(
  earlier: OracleInput['steps'],
  { undid, isFresh }: OracleTx,
  after: EntityState | null,
  aspect: string,
): Write['takes'] {
  if (undid === null || isFresh(aspect)) return null;
  const live = earlier.at(-1)?.state ?? null;
  const then: OracleInput = { ref: NOBODY, steps: earlier, live, isUndone: undid, inScope: () => true };
  const isHis = ({ seq }: Write): boolean => undid(seq);
  const since = overwrittenSince(then, after, aspect, isHis);
  return (write) => isHis(write) || (since !== null && write.seq > since);
}

/** Everything of the aspect after this was taken away, whoever wrote it; null: nothing but what the undo set wrote. */
function overwrittenSince(
  then: OracleInput,
  after: EntityState | null,
  aspect: string,
  isHis: (write: Write) => boolean,
): bigint | null {
  const { live, steps } = then;
  const lastOf = (name: string): bigint | null => {
    const writes = writesOf(then, name);
    return writes[lastOfMine(writes, isHis)]?.seq ?? null;
  };
  if (live !== null && after === null) {
    if (aspect !== 'existence' && !holds(then, aspect)) return null;
    const last = lastOf('existence') ?? 0n;
    return writesOf(then, 'existence').findLast((write) => write.seq <= last && !isHis(write))?.seq ?? 0n;
  }
  if (live === null && after !== null) {
    if (judge(then, 'existence')?.says === 'take') return null;
    // Others had deleted it: it came back as they found it, but for what the undo set had changed.
    const judged = judge(then, aspect);
    if (judged !== null && !equal(judged.base, judged.target)) return lastOf(aspect);
    return steps.findLast(({ state }) => state !== null)?.tx.seq ?? 0n;
  }
  return lastOf(aspect);
}

const NOBODY: EntityRef = { kind: 'NODE', key: '' };

function conflictOf({ aspect, base, target, live }: Judged): OracleConflict {
  if (aspect === 'existence') return structure('ENDS');
  if (aspect === 'labels') return { type: 'STRUCTURE', aspect: 'LABEL', property: null, base, target, live };
  const kinds = new Set([base, target, live].filter((value) => value !== null).map(kindOfValue));
  const type = kinds.size > 1 ? 'TYPE' : 'VALUE';
  return { type, aspect: 'PROPERTY', property: aspect.slice(2), base, target, live };
}

function structure(aspect: string): OracleConflict {
  return { type: 'STRUCTURE', aspect, property: null, base: null, target: null, live: null };
}

function settled(state: EntityState | null): OraclePlan {
  return { after: state, overwritten: state, conflicts: [] };
}

function allAspects({ ref, steps, live }: OracleInput): string[] {
  const names = new Set(ref.kind === 'NODE' ? ['existence', 'labels'] : ['existence']);
  for (const state of [...steps.map((step) => step.state), live]) {
    for (const name of Object.keys(state?.properties ?? {})) names.add(`p:${name}`);
  }
  return [...names].sort();
}

function contentOf(state: EntityState | null, aspect: string): unknown {
  if (state === null) return null;
  if (aspect === 'existence') return state.kind === 'NODE' ? true : [state.type, state.start, state.end];
  if (aspect === 'labels') return state.kind === 'NODE' ? state.labels : null;
  return Object.entries(state.properties).find(([name]) => `p:${name}` === aspect)?.[1] ?? null;
}

function withValues(state: EntityState, judged: readonly Judged[]): EntityState | null {
  const names = ['existence', 'labels', ...Object.keys(state.properties).map((name) => `p:${name}`)];
  const values = new Map<string, unknown>(names.map((name) => [name, contentOf(state, name)]));
  for (const { aspect, target } of judged) values.set(aspect, target);
  return fromValues(state, values);
}

function fromValues({ kind, key }: EntityRef, values: ReadonlyMap<string, unknown>): EntityState | null {
  const existence = values.get('existence') ?? null;
  if (existence === null) return null;
  const properties = Object.fromEntries(
    [...values]
      .filter(([name, value]) => name.startsWith('p:') && value !== null)
      .map(([name, value]) => [name.slice(2), value]),
  );
  const content =
    kind === 'NODE'
      ? { kind, key, labels: values.get('labels') ?? [], properties }
      : { kind, key, ...ends(existence), properties };
  // Built from values of states of this kind.
  return content as EntityState;
}

function ends(existence: unknown): object {
  const [type, start, end] = Array.isArray(existence) ? existence : [];
  return { type, start, end };
}

/** Values of histories are JSON; numbers, texts and tags each have a type of their own. */
function kindOfValue(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float';
  if (typeof value !== 'object' || value === null) return typeof value;
  const [tag = '', payload] = Object.entries(value)[0] ?? [];
  if (tag === '$float') return 'float';
  return tag === '$list'
    ? `list of ${JSON.stringify(Object.entries(payload ?? {}).find(([name]) => name === 'of'))}`
    : tag;
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [keys, others] = [Object.entries(a), new Map(Object.entries(b))];
  return keys.length === others.size && keys.every(([key, value]) => others.has(key) && equal(value, others.get(key)));
}
