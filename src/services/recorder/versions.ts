import type { EntityRef, EntityState } from '../../core/entities.ts';
import { sameHash, stateHash } from '../../core/hash.ts';
import { originsAfter } from '../../core/origins.ts';
import type { CurrentVersion, VersionEntry } from '../../core/recording-types.ts';

/** What has to be recorded so that an entity is as given; null when it is recorded so already. */
export function versionOf(
  { kind, key }: EntityRef,
  after: EntityState | null,
  previous: CurrentVersion | undefined,
): VersionEntry | null {
  const afterHash = after === null ? null : stateHash(after);
  const beforeHash = previous?.hash ?? null;
  if (sameHash(beforeHash, afterHash)) return null;
  const change = { kind, key, before: previous?.state ?? null, after };
  const origins = previous === undefined ? null : originsAfter(previous, after, null);
  return { change, beforeHash, afterHash, origins };
}

export function refOf({ kind, key }: EntityRef): EntityRef {
  return { kind, key };
}
