import { floatElement, floatValue } from './scalars.ts';
import type { ElementType, ListElement, PointValue, Value } from './values.ts';

/** The form that a canonical value (never a list) has as an element of a list: its payload without the tag. */
export function listElement(value: Value): ListElement {
  if (typeof value !== 'object') return value;
  if ('$float' in value) return floatElement(Number(value.$float));
  if ('$string' in value || '$list' in value) return '$list' in value ? refuseNested() : value;
  if ('$point' in value) return value.$point;
  const [payload] = Object.values(value);
  return payload ?? '';
}

/** The element of a list as a value of its own. Inverse of `listElement`. */
export function elementValue(of: ElementType, element: ListElement): Value {
  if (typeof element === 'object') return 'srid' in element ? { $point: element } : element;
  if (of === 'FLOAT') return floatValue(Number(element));
  if (typeof element !== 'string') return element;
  return textElement(of, element);
}

function textElement(of: ElementType, text: string): Value {
  switch (of) {
    case 'INTEGER':
      return { $integer: text };
    case 'BYTES':
      return { $bytes: text };
    case 'DATE':
      return { $date: text };
    case 'LOCAL_TIME':
      return { $localTime: text };
    case 'TIME':
      return { $time: text };
    case 'LOCAL_DATETIME':
      return { $localDateTime: text };
    case 'DATETIME':
      return { $dateTime: text };
    case 'DURATION':
      return { $duration: text };
    default:
      return text;
  }
}

/** Neo4j's coordinate reference systems and how many coordinates a point has in each. */
export const DIMENSIONS_OF_SRID: ReadonlyMap<number, number> = new Map([
  [4326, 2],
  [4979, 3],
  [7203, 2],
  [9157, 3],
]);

/** A point with its keys in canonical order. */
export function orderedPoint(point: PointValue): PointValue {
  return { srid: point.srid, coordinates: point.coordinates };
}

function refuseNested(): never {
  throw new TypeError('lists do not nest');
}
