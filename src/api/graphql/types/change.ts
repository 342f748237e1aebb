import { sameValue } from '../../../core/canonical.ts';
import { actionOf, type EntityChange, type EntityState } from '../../../core/entities.ts';
import { builder } from '../builder.ts';
import { connectionType } from '../connections.ts';
import { ChangeActionEnum, EntityKindEnum } from './enums.ts';
import { PropertyRef, propertyList, propertyValue, ValueRef, type ValueShape } from './value.ts';

export const EntityStateRef = builder.objectRef<EntityState>('EntityState').implement({
  fields: (t) => ({
    kind: t.expose('kind', { type: EntityKindEnum }),
    labels: t.stringList({ nullable: true, resolve: (state) => (state.kind === 'NODE' ? [...state.labels] : null) }),
    type: t.string({ nullable: true, resolve: (state) => (state.kind === 'RELATIONSHIP' ? state.type : null) }),
    startKey: t.id({ nullable: true, resolve: (state) => (state.kind === 'RELATIONSHIP' ? state.start : null) }),
    endKey: t.id({ nullable: true, resolve: (state) => (state.kind === 'RELATIONSHIP' ? state.end : null) }),
    properties: t.field({ type: [PropertyRef], resolve: (state) => propertyList(state.properties) }),
    erased: t.boolean({
      description:
        'Whether the content was erased on request of the person it was about. Nothing erases yet: always false.',
      resolve: () => false,
    }),
  }),
});

interface PropertyChangeShape {
  readonly name: string;
  readonly before: ValueShape | null;
  readonly after: ValueShape | null;
}

const PropertyChange = builder.objectRef<PropertyChangeShape>('PropertyChange').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    before: t.expose('before', { type: ValueRef, nullable: true }),
    after: t.expose('after', { type: ValueRef, nullable: true }),
  }),
});

export const ChangeRef = builder.objectRef<EntityChange>('Change').implement({
  description: 'What a transaction, or the span between two moments, did to one entity.',
  fields: (t) => ({
    key: t.exposeID('key'),
    kind: t.expose('kind', { type: EntityKindEnum }),
    action: t.field({ type: ChangeActionEnum, resolve: actionOf }),
    before: t.expose('before', { type: EntityStateRef, nullable: true }),
    after: t.expose('after', { type: EntityStateRef, nullable: true }),
    properties: t.field({ type: [PropertyChange], resolve: propertyChanges }),
    labelsAdded: t.stringList({ resolve: ({ before, after }) => labelsOnlyIn(after, before) }),
    labelsRemoved: t.stringList({ resolve: ({ before, after }) => labelsOnlyIn(before, after) }),
  }),
});

export const ChangeConnection = connectionType('Change', ChangeRef);

function propertyChanges({ before, after }: EntityChange): PropertyChangeShape[] {
  const names = new Set([...Object.keys(before?.properties ?? {}), ...Object.keys(after?.properties ?? {})]);
  const changes: PropertyChangeShape[] = [];
  for (const name of [...names].sort()) {
    const was = before === null ? null : propertyValue(before.properties, name);
    const is = after === null ? null : propertyValue(after.properties, name);
    if (was !== null && is !== null && sameValue(was.value, is.value)) continue;
    changes.push({ name, before: was, after: is });
  }
  return changes;
}

function labelsOnlyIn(state: EntityState | null, other: EntityState | null): string[] {
  const labels = state?.kind === 'NODE' ? state.labels : [];
  const others = new Set(other?.kind === 'NODE' ? other.labels : []);
  return labels.filter((label) => !others.has(label));
}
