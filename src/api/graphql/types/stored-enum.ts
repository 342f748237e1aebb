import type { EnumRef } from '@pothos/core';
import type { Types } from '../builder.ts';

/**
 * A stored text as a value of an enum. GraphQL itself refuses to send what is not one of the enum's values, so a foreign text is an
 * error there and never reaches a client.
 */
export function oneOf<Values>(_enum: EnumRef<Types, Values>, text: string): Values {
  // See above: checked when the value is serialised.
  return text as Values;
}
