import { randomBytes } from 'node:crypto';
import type { CaptureSecret } from '../../src/ports/capture-secret.ts';

/** A secret that no database keeps. */
export function looseSecret(): CaptureSecret {
  const secret = randomBytes(32).toString('base64url');
  return { get: async () => secret, claim: async () => secret };
}
