import { valueText, valueTypeOf } from '../../../core/canonical.ts';
import type { Properties, Value } from '../../../core/values.ts';
import { builder } from '../builder.ts';
import { ValueTypeEnum } from './enums.ts';

/** A value in a wrapper, since values may be falsy and GraphQL objects are not. */
export interface ValueShape {
  readonly value: Value;
}
export interface PropertyShape extends ValueShape {
  readonly name: string;
}

export const ValueRef = builder.objectRef<ValueShape>('Value').implement({
  fields: (t) => ({
    type: t.field({ type: ValueTypeEnum, resolve: ({ value }) => valueTypeOf(value).type }),
    elementType: t.field({
      type: ValueTypeEnum,
      nullable: true,
      resolve: ({ value }) => valueTypeOf(value).elementType,
    }),
    json: t.field({ type: 'JSON', description: 'Lossless, as in input.', resolve: ({ value }) => value }),
    text: t.string({ description: 'For a human eye.', resolve: ({ value }) => valueText(value) }),
  }),
});

export const PropertyRef = builder.objectRef<PropertyShape>('Property').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    value: t.field({ type: ValueRef, resolve: (property) => property }),
  }),
});

/** By name, so that equal states look equal. */
export function propertyList(properties: Properties): PropertyShape[] {
  return Object.entries(properties)
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function propertyValue(properties: Properties, name: string): ValueShape | null {
  const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return value === undefined ? null : { value };
}
