/** Who asks. */
export interface Caller {
  readonly actor: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

export interface Idempotent {
  readonly idempotencyKey?: string | null | undefined;
}
