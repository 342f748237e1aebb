const DURATION =
  /^P(?:([+-]?\d{1,19})Y)?(?:([+-]?\d{1,19})M)?(?:([+-]?\d{1,19})W)?(?:([+-]?\d{1,19})D)?(T(?:([+-]?\d{1,19})H)?(?:([+-]?\d{1,19})M)?(?:([+-]?)(\d{1,19})(?:\.(\d{1,9}))?S)?)?$/;
const NANOS_PER_SECOND = 1_000_000_000n;

/**
 * A duration as Neo4j keeps it: months, days and seconds are never carried over into each other.
 * `nanos` counts all nanoseconds of the seconds part and has its sign.
 */
export interface Duration {
  readonly months: bigint;
  readonly days: bigint;
  readonly nanos: bigint;
}

/**
 * ISO 8601 text to a duration, or null. Years fold into months, weeks into days, hours and minutes into
 * seconds; every part may carry its own sign; only seconds may have a fraction. Months, days and seconds
 * are 64-bit.
 */
export function parseDuration(text: string): Duration | null {
  const match = DURATION.exec(text);
  if (match === null || text === 'P' || match[5] === 'T') return null;
  const part = (index: number): bigint => BigInt((match[index] ?? '0').replace('+', ''));
  const fraction = BigInt((match[10] ?? '').padEnd(9, '0'));
  const seconds = part(9) * NANOS_PER_SECOND + fraction;
  const duration = {
    months: part(1) * 12n + part(2),
    days: part(3) * 7n + part(4),
    nanos: (part(6) * 3600n + part(7) * 60n) * NANOS_PER_SECOND + (match[8] === '-' ? -seconds : seconds),
  };
  const whole = floorSeconds(duration.nanos);
  return [duration.months, duration.days, whole].every(fits64) ? duration : null;
}

/** The one canonical text: `P14M3DT-0.5S`, parts that are zero left out, `PT0S` when all are. */
export function durationText({ months, days, nanos }: Duration): string {
  const date = `${months === 0n ? '' : `${months}M`}${days === 0n ? '' : `${days}D`}`;
  if (nanos === 0n) return date === '' ? 'PT0S' : `P${date}`;
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % NANOS_PER_SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  const seconds = `${nanos < 0n ? '-' : ''}${size / NANOS_PER_SECOND}`;
  return `P${date}T${seconds}${fraction === '' ? '' : `.${fraction}`}S`;
}

/** Canonical text of duration text, or null when it is none. */
export function canonicalDuration(text: string): string | null {
  const duration = parseDuration(text);
  return duration === null ? null : durationText(duration);
}

/** Whole seconds, rounded down, as they are kept beside 0 to 999999999 nanoseconds. */
export function floorSeconds(nanos: bigint): bigint {
  const seconds = nanos / NANOS_PER_SECOND;
  return nanos < 0n && nanos % NANOS_PER_SECOND !== 0n ? seconds - 1n : seconds;
}

function fits64(integer: bigint): boolean {
  return BigInt.asIntN(64, integer) === integer;
}
