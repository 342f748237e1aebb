import { hash } from 'node:crypto';
import type { CaptureSecret } from '../../ports/capture-secret.ts';
import type { WriteContext } from '../../ports/knowledge-graph.ts';
import type { Parameters } from './connection.ts';

/** Metadata of a transaction, and the SHA-256 of the secret in it, if there is one. */
export interface Signed {
  readonly metadata: Parameters;
  readonly secretHash: string | null;
}

/**
 * The metadata of the service's own transactions. What they say of themselves the trigger believes only with the secret beside it, of which
 * its text holds nothing but the SHA-256: see docs/decisions/045-whose-metadata.md.
 */
export class OwnMetadata {
  readonly #secret: CaptureSecret;

  constructor(secret: CaptureSecret) {
    this.#secret = secret;
  }

  /** SHA-256 of the secret, in hexadecimal digits: all that anybody else may see of it. Null while there is none. */
  async secretHash(): Promise<string | null> {
    const secret = await this.#secret.get();
    return secret === null ? null : hash('sha256', secret);
  }

  /** The same, of a new one if there is none. */
  async claim(): Promise<string> {
    return hash('sha256', await this.#secret.claim());
  }

  /** Of a transaction that is the service's housekeeping and nothing to record. */
  async housekeeping(): Promise<Parameters> {
    return { palinodeDrain: true, ...(await this.#proof()) };
  }

  /** Of one that writes on somebody's behalf: comes back with what was captured. */
  async of({ id, source, actor, session, operation }: WriteContext): Promise<Signed> {
    const proof = await this.#proof();
    const { palinodeSecret: secret = null } = proof;
    const metadata = { palinode: { id, source, actor, session, operation }, ...proof };
    return { metadata, secretHash: secret === null ? null : hash('sha256', secret) };
  }

  /** Asked for each time: another instance may have detached the graph and attached it again. Nothing where no trigger asks for it. */
  async #proof(): Promise<{ readonly palinodeSecret?: string }> {
    const secret = await this.#secret.get();
    return secret === null ? {} : { palinodeSecret: secret };
  }
}
