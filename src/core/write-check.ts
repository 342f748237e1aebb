import type { EntityKind, EntityRef, EntityState } from './entities.ts';
import { fromHex, stateHashHex } from './hash.ts';
import { checkName } from './names.ts';
import type { DeleteEntity, PutNode, PutRelationship, WriteError } from './write-types.ts';

/** The place of one write in the input. */
export interface Place {
  readonly changeIndex: number;
  /** The field of the write's input object: putNode, deleteRelationship, ... */
  readonly field: string;
}

/** Steps from the root of the input to something inside the write. */
export function pathTo(place: Place, ...steps: (string | number)[]): string[] {
  return ['changes', String(place.changeIndex), place.field, ...steps.map(String)];
}

export function invalid(place: Place, steps: (string | number)[], message: string): WriteError {
  return { kind: 'INVALID', changeIndex: place.changeIndex, path: pathTo(place, ...steps), message };
}

/** What is wrong with a put whatever the graph holds, or null. */
export function checkPut(place: Place, put: PutNode & PutRelationship): WriteError | null {
  return (
    checkKey(place, put) ??
    checkHashFormat(place, put.expectHash) ??
    checkProperties(place, put) ??
    checkLabels(place, put) ??
    checkField(place, 'type', put.type) ??
    checkField(place, 'start', put.start) ??
    checkField(place, 'end', put.end)
  );
}

/** What is wrong with a delete whatever the graph holds, or null. */
export function checkDelete(place: Place, write: DeleteEntity): WriteError | null {
  return checkField(place, 'key', write.key) ?? checkHashFormat(place, write.expectHash);
}

/** Whether the entity is there, or not there, as the mode and the expected hash say. */
export function checkPresence(
  place: Place,
  entity: EntityRef,
  state: EntityState | null,
  write: { readonly mode?: PutNode['mode']; readonly expectHash?: string | null | undefined },
): WriteError | null {
  const at = { changeIndex: place.changeIndex, path: pathTo(place, 'key'), entity };
  const name = `${kindName(entity.kind)} ${entity.key}`;
  if (state === null && (write.mode === undefined || write.mode === 'UPDATE')) {
    return { kind: 'MISSING', ...at, message: `${name} does not exist` };
  }
  if (state !== null && write.mode === 'CREATE') {
    return { kind: 'EXISTS', ...at, constraint: 'key', message: `${name} exists already` };
  }
  const expected = write.expectHash ?? null;
  if (expected === null) return null;
  const actualHash = state === null ? null : stateHashHex(state);
  if (actualHash === expected.toLowerCase()) return null;
  const message = actualHash === null ? `${name} does not exist` : `${name} is not in the expected state`;
  return { kind: 'STALE', ...at, path: pathTo(place, 'expectHash'), actualHash, message };
}

function kindName(kind: EntityKind): string {
  return kind === 'NODE' ? 'node' : 'relationship';
}

function checkKey(place: Place, put: PutNode): WriteError | null {
  if (put.key === null || put.key === undefined) {
    return invalid(place, ['key'], put.mode === 'UPDATE' ? 'is needed to update' : 'is missing');
  }
  if (put.mode === 'CREATE' && put.expectHash !== null && put.expectHash !== undefined) {
    return invalid(place, ['expectHash'], 'cannot go with CREATE: there is no state to expect');
  }
  return checkField(place, 'key', put.key);
}

function checkHashFormat(place: Place, hash: string | null | undefined): WriteError | null {
  if (hash === null || hash === undefined || fromHex(hash) !== null) return null;
  return invalid(place, ['expectHash'], 'must be 64 hexadecimal digits');
}

function checkProperties(place: Place, put: PutNode): WriteError | null {
  const names = new Set<string>();
  for (const [index, { name }] of (put.set ?? []).entries()) {
    const problem = checkName(name) ?? (names.has(name) ? 'is set twice' : null);
    if (problem !== null) return invalid(place, ['set', index, 'name'], problem);
    names.add(name);
  }
  if (put.replace && (put.remove ?? []).length > 0) {
    return invalid(place, ['remove'], 'cannot go with replace, which removes all that is not set');
  }
  for (const [index, name] of (put.remove ?? []).entries()) {
    const problem = checkName(name) ?? (names.has(name) ? 'is set and removed' : null);
    if (problem !== null) return invalid(place, ['remove', index], problem);
  }
  return null;
}

function checkLabels(place: Place, put: PutNode): WriteError | null {
  const added = new Set(put.addLabels ?? []);
  for (const field of ['labels', 'addLabels', 'removeLabels'] as const) {
    const labels = put[field] ?? null;
    if (labels === null) continue;
    if (field !== 'labels' && (put.labels ?? null) !== null) {
      return invalid(place, [field], 'cannot go with labels, which replaces the set');
    }
    for (const [index, label] of labels.entries()) {
      const problem = checkName(label);
      if (problem !== null) return invalid(place, [field, index], problem);
      if (field === 'removeLabels' && added.has(label)) {
        return invalid(place, [field, index], 'is added and removed');
      }
    }
  }
  return null;
}

function checkField(place: Place, field: string, name: string | null | undefined): WriteError | null {
  if (name === null || name === undefined) return null;
  const problem = checkName(name);
  return problem === null ? null : invalid(place, [field], problem);
}
