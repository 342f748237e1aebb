/** Longer than any that is given: a text of megabytes is not worth hashing. */
const LONGEST_SECRET = 100;

/**
 * Leaves whether the metadata proves that the transaction is the service's own in `ours`, and whom it names in `who`: of anybody else what a
 * user may say, which is not an id, a source or an operation. Nothing comes out for the service's housekeeping.
 *
 * Metadata may be anything. Nothing is asked of a value before its type is known, by CASE, which asks in order where AND need not. Only where
 * there is a secret it is hashed, so that users pay for one look at a property that is missing.
 */
export function trustedMetadata(secretHash: string): string {
  const secret = '$metaData.palinodeSecret';
  const named = '$metaData.palinode';
  return `WITH CASE WHEN ${secret} IS :: STRING NOT NULL THEN CASE WHEN size(${secret}) < ${LONGEST_SECRET} THEN apoc.util.sha256([${secret}]) = '${secretHash}' ELSE false END ELSE false END AS ours
WITH ours, CASE WHEN ${named} IS :: MAP NOT NULL THEN CASE WHEN ours THEN ${named} ELSE {actor: ${named}.actor, session: ${named}.session} END ELSE {} END AS who
WHERE NOT CASE WHEN ours THEN coalesce($metaData.palinodeDrain = true, false) ELSE false END`;
}
