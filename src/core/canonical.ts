import type { EntityState } from './entities.ts';
import { elementValue } from './lists.ts';
import { parseBytes, parseTaggedString } from './scalars.ts';
import type {
  ElementType,
  ListElement,
  ListValue,
  PointValue,
  Properties,
  TaggedValue,
  Value,
  ValueType,
} from './values.ts';

/** Bytes shown by `valueText` before it only counts them. */
const SHOWN_BYTES = 32;

const TYPE_OF_TAG: ReadonlyMap<string, ValueType> = new Map<string, ValueType>([
  ['$string', 'STRING'],
  ['$integer', 'INTEGER'],
  ['$float', 'FLOAT'],
  ['$bytes', 'BYTES'],
  ['$date', 'DATE'],
  ['$localTime', 'LOCAL_TIME'],
  ['$time', 'TIME'],
  ['$localDateTime', 'LOCAL_DATETIME'],
  ['$dateTime', 'DATETIME'],
  ['$duration', 'DURATION'],
  ['$point', 'POINT'],
  ['$list', 'LIST'],
]);

/** The value type that a tag stands for; undefined when there is no such tag. */
export function typeOfTag(tag: string): ValueType | undefined {
  return TYPE_OF_TAG.get(tag);
}

/**
 * JSON text of a canonical value. Two texts are equal if and only if the values are identical in type and
 * content. The order of keys inside tags, which PostgreSQL's jsonb does not keep, makes no difference.
 */
export function canonicalJson(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object') return taggedJson(value);
  return `${value}`;
}

/**
 * JSON text of kind, key, labels or type and ends, and properties sorted by code unit: what the state
 * hash is taken of. Changing it changes every stored hash.
 */
export function canonicalState(state: EntityState): string {
  return isInOrder(state) ? JSON.stringify(inParts(state)) : orderedState(state);
}

function inParts(state: EntityState): unknown[] {
  const { kind, key, properties } = state;
  if (kind === 'NODE') return [kind, key, state.labels, properties];
  return [kind, key, state.type, state.start, state.end, properties];
}

/** Whether JSON as the engine writes it is the canonical text already, which costs half. */
function isInOrder(state: EntityState): boolean {
  if (state.kind === 'NODE' && !isAscending(state.labels)) return false;
  const names = Object.keys(state.properties);
  return isAscending(names) && names.every((name) => isPlain(state.properties[name]));
}

/** Without keys, of one tag only, or a list that names its type first and holds nothing that has keys. */
function isPlain(value: Value | undefined): boolean {
  if (typeof value !== 'object') return true;
  // No value, but what was read from a file may be anything.
  if (value === null || '$point' in value) return false;
  if ('$list' in value) {
    const [first] = Object.keys(value.$list);
    return first === 'of' && value.$list.values.every((element) => typeof element !== 'object');
  }
  const [tag = '', ...more] = Object.keys(value);
  return more.length === 0 && TYPE_OF_TAG.has(tag);
}

function orderedState(state: EntityState): string {
  const key = JSON.stringify(state.key);
  const properties = propertiesJson(state.properties);
  if (state.kind === 'NODE') return `["NODE",${key},${labelsJson(state.labels)},${properties}]`;
  const ends = `${JSON.stringify(state.start)},${JSON.stringify(state.end)}`;
  return `["RELATIONSHIP",${key},${JSON.stringify(state.type)},${ends},${properties}]`;
}

/** Identical in type and content: 1 and 1.0, 0.0 and -0.0, P1M and P30D differ; NaN equals NaN. */
export function sameValue(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a === b || sameTagged(a, b);
}

/** As their texts would be, without writing them. */
function sameTagged(a: TaggedValue, b: TaggedValue): boolean {
  if ('$list' in a) return '$list' in b && a.$list.of === b.$list.of && sameItems(a.$list.values, b.$list.values);
  if ('$point' in a) return '$point' in b && samePoint(a.$point, b.$point);
  if ('$list' in b || '$point' in b) return false;
  const [tag, payload] = tagAndPayload(a);
  const [otherTag, otherPayload] = tagAndPayload(b);
  return tag === otherTag && payload === otherPayload;
}

function sameItems(a: readonly ListElement[], b: readonly ListElement[]): boolean {
  return a.length === b.length && a.every((element, at) => sameElement(element, b[at]));
}

function sameElement(a: ListElement, b: ListElement | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  if ('srid' in a) return 'srid' in b && samePoint(a, b);
  return !('srid' in b) && sameTagged(a, b);
}

function samePoint(a: PointValue, b: PointValue): boolean {
  return a.srid === b.srid && sameItems(a.coordinates, b.coordinates);
}

/** Identical content, or both absent. Stops at the first difference: nothing is put into canonical text that need not be. */
export function sameState(a: EntityState | null, b: EntityState | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.key !== b.key || !sameProperties(a.properties, b.properties)) return false;
  if (a.kind === 'NODE') return b.kind === 'NODE' && labelsJson(a.labels) === labelsJson(b.labels);
  return b.kind === 'RELATIONSHIP' && a.type === b.type && a.start === b.start && a.end === b.end;
}

function sameProperties(a: Properties, b: Properties): boolean {
  for (const name of Object.keys(a)) if (!sameOrAbsent(own(a, name), own(b, name))) return false;
  for (const name of Object.keys(b)) if (b[name] !== undefined && own(a, name) === undefined) return false;
  return true;
}

/** A property may be named like something that every object has. */
function own(properties: Properties, name: string): Value | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function sameOrAbsent(a: Value | undefined, b: Value | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameValue(a, b);
}

/** The type of a value, and of its elements when it is a list that says so. */
export function valueTypeOf(value: Value): { type: ValueType; elementType: ElementType | null } {
  return { type: typeOf(value), elementType: typeof value === 'object' && '$list' in value ? value.$list.of : null };
}

/** INTEGER, LIST OF STRING; a list that says nothing of its elements is a LIST. */
export function typeNameOf(value: Value): string {
  const { type, elementType } = valueTypeOf(value);
  return elementType === null ? type : `${type} OF ${elementType}`;
}

/** The value for a human eye; not lossless. */
export function valueText(value: Value): string {
  if (typeof value !== 'object') return `${value}`;
  if ('$list' in value) {
    const { of, values } = value.$list;
    return `[${of === null ? '' : values.map((element) => elementText(elementValue(of, element))).join(', ')}]`;
  }
  if ('$point' in value) {
    const axes = value.$point.coordinates.map((coordinate, index) => `${'xyz'[index] ?? ''}: ${coordinate}`);
    return `point({srid: ${value.$point.srid}, ${axes.join(', ')}})`;
  }
  if ('$bytes' in value) return bytesText(parseBytes(value.$bytes) ?? new Uint8Array());
  if ('$string' in value) return (parseTaggedString(value.$string) ?? '').toWellFormed().replaceAll('\0', '\u2400');
  return tagAndPayload(value)[1];
}

/** Labels as a node state holds them: by code unit, each once. */
export function sortedLabels(labels: Iterable<string>): string[] {
  return [...new Set(labels)].sort();
}

function typeOf(value: Value): ValueType {
  if (typeof value === 'string') return 'STRING';
  if (typeof value === 'boolean') return 'BOOLEAN';
  if (typeof value === 'number') return Number.isInteger(value) ? 'INTEGER' : 'FLOAT';
  for (const tag in value) {
    const type = TYPE_OF_TAG.get(tag);
    if (type !== undefined) return type;
  }
  throw new TypeError('not a canonical value: unknown tag');
}

function taggedJson(value: TaggedValue): string {
  if ('$list' in value) return `{"$list":${listJson(value.$list)}}`;
  if ('$point' in value) return `{"$point":${pointJson(value.$point)}}`;
  const [tag, payload] = tagAndPayload(value);
  return `{"${tag}":${JSON.stringify(payload)}}`;
}

type TextTagged = Exclude<TaggedValue, { readonly $list: ListValue } | { readonly $point: PointValue }>;

function tagAndPayload(value: TextTagged): [string, string] {
  const [entry] = Object.entries(value);
  if (entry === undefined) throw new TypeError('not a canonical value: no tag');
  return entry;
}

function listJson(list: ListValue): string {
  let text = '';
  for (const element of list.values) text += text === '' ? elementJson(element) : `,${elementJson(element)}`;
  return `{"of":${list.of === null ? 'null' : `"${list.of}"`},"values":[${text}]}`;
}

function elementJson(element: ListElement): string {
  if (typeof element !== 'object') return canonicalJson(element);
  return 'srid' in element ? pointJson(element) : taggedJson(element);
}

function pointJson(point: PointValue): string {
  return `{"srid":${point.srid},"coordinates":[${point.coordinates.map(canonicalJson).join(',')}]}`;
}

function labelsJson(labels: readonly string[]): string {
  const sorted = isAscending(labels) ? labels : sortedLabels(labels);
  let text = '';
  for (const label of sorted) text += text === '' ? JSON.stringify(label) : `,${JSON.stringify(label)}`;
  return `[${text}]`;
}

function propertiesJson(properties: Properties): string {
  const names = Object.keys(properties);
  if (!isAscending(names)) names.sort();
  let text = '';
  for (const name of names) {
    const value = properties[name];
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(value)}`;
  }
  return `{${text}}`;
}

/** Strictly, so that a duplicate counts as out of order. */
function isAscending(texts: readonly string[]): boolean {
  let last: string | undefined;
  for (const text of texts) {
    if (last !== undefined && text <= last) return false;
    last = text;
  }
  return true;
}

function elementText(value: Value): string {
  return typeof value === 'string' ? JSON.stringify(value) : valueText(value);
}

function bytesText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex');
  return bytes.length > SHOWN_BYTES ? `0x${hex}\u2026 (${bytes.length} bytes)` : `0x${hex}`;
}
