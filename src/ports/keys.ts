/** Fresh identifiers (UUIDs). */
export interface Keys {
  next(): string;
}
