/** Where the results of mutations are kept under the keys that clients gave them. */

export interface IdempotencyId {
  readonly actor: string;
  readonly graph: string;
  readonly mutation: string;
  readonly key: string;
}

export type Claim =
  /** The caller is to do the work. `retried`: an earlier use of the key failed or died, and may have got somewhere. */
  | { readonly kind: 'CLAIMED'; readonly retried: boolean }
  /** Somebody is at it. */
  | { readonly kind: 'BUSY' }
  /** `result` is JSON, as it was stored. */
  | { readonly kind: 'DONE'; readonly result: unknown }
  /** Used with another input; `result` is null when that has not come to a result. */
  | { readonly kind: 'MISMATCH'; readonly result: unknown };

export interface IdempotencyStore {
  /** Claims the key for `holder` until `ttlMs` from now, unless it is done or another's claim is alive. After a failure any input may claim it. */
  claim(id: IdempotencyId, inputHash: string, holder: string, ttlMs: number): Promise<Claim>;
  /** Extends the claim. */
  renew(id: IdempotencyId, holder: string, ttlMs: number): Promise<void>;
  finish(id: IdempotencyId, holder: string, result: unknown): Promise<void>;
  /** Gives the claim back after a failure; the next one to claim it is told. */
  fail(id: IdempotencyId, holder: string): Promise<void>;
  /** Forgets at most `limit` keys that nobody has claimed for `ageMs`. Returns how many. */
  purge(ageMs: number, limit: number): Promise<number>;
}
