// Texts of dates and times in one canonical form, or null when they name no real date or time. The ranges
// are those of Neo4j (and java.time): years -999999999 to 999999999, nanoseconds, offsets up to 18 hours.

const DATE = /^([+-]?\d{4,9})-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?$/;
const OFFSET = /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/;
const ZONED = /^([\d:.]+)(Z|[+-][\d:]+)(?:\[([^[\]]*)\])?$/;
const ZONE_ID = /^[A-Za-z][A-Za-z0-9~/._+-]{1,99}$/;
const MAX_OFFSET_SECONDS = 18 * 3600;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** DATE: `2024-02-29`; years beyond four digits carry a sign, as in java.time. */
export function canonicalDate(text: string): string | null {
  const match = DATE.exec(text);
  if (match === null) return null;
  const [, yearText = '', monthText = '', dayText = ''] = match;
  const year = Number(yearText);
  const day = Number(dayText);
  if (day < 1 || day > daysInMonth(year, Number(monthText))) return null;
  return `${canonicalYear(year)}-${monthText}-${dayText}`;
}

/** LOCAL_TIME: `12:00:00.5`; seconds always, fraction without trailing zeros. */
export function canonicalLocalTime(text: string): string | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const [, hour = '', minute = '', second = '00', fraction = ''] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const trimmed = fraction.replace(/0+$/, '');
  return `${hour}:${minute}:${second}${trimmed === '' ? '' : `.${trimmed}`}`;
}

/** TIME: a local time and an offset, `Z` or `+hh:mm[:ss]`. */
export function canonicalTime(text: string): string | null {
  const parts = zonedTime(text);
  return parts === null || parts.zone !== undefined ? null : parts.time + parts.offset;
}

/** LOCAL_DATETIME: `2024-10-27T02:30:00`. */
export function canonicalLocalDateTime(text: string): string | null {
  const [dateText, timeText] = splitDateTime(text);
  const date = canonicalDate(dateText);
  const time = canonicalLocalTime(timeText);
  return date === null || time === null ? null : `${date}T${time}`;
}

/**
 * DATETIME: `2024-10-27T02:30:00+02:00[Europe/Berlin]`. The offset is kept beside the zone id: at the
 * end of summer time the zone alone would not say which of two moments is meant.
 */
export function canonicalDateTime(text: string): string | null {
  const [dateText, timeText] = splitDateTime(text);
  const date = canonicalDate(dateText);
  const parts = zonedTime(timeText);
  if (date === null || parts === null) return null;
  if (parts.zone === undefined) return `${date}T${parts.time}${parts.offset}`;
  return ZONE_ID.test(parts.zone) ? `${date}T${parts.time}${parts.offset}[${parts.zone}]` : null;
}

function zonedTime(text: string): { time: string; offset: string; zone: string | undefined } | null {
  const match = ZONED.exec(text);
  if (match === null) return null;
  const time = canonicalLocalTime(match[1] ?? '');
  const offset = canonicalOffset(match[2] ?? '');
  return time === null || offset === null ? null : { time, offset, zone: match[3] };
}

function canonicalOffset(text: string): string | null {
  if (text === 'Z') return text;
  const match = OFFSET.exec(text);
  if (match === null) return null;
  const [, sign = '', hour = '', minute = '', second = '00'] = match;
  if (Number(minute) > 59 || Number(second) > 59) return null;
  const total = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  if (total > MAX_OFFSET_SECONDS) return null;
  if (total === 0) return 'Z';
  return `${sign}${hour}:${minute}${second === '00' ? '' : `:${second}`}`;
}

function splitDateTime(text: string): [string, string] {
  const at = text.indexOf('T');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function canonicalYear(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0');
  if (year < 0) return `-${digits}`;
  return year > 9999 ? `+${digits}` : digits;
}

/** 0 for a month that does not exist, so that no day fits it. */
function daysInMonth(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}
