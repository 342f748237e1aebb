import {
  DateTime,
  Duration,
  isDate,
  isDateTime,
  isDuration,
  isLocalDateTime,
  isLocalTime,
  isTime,
  LocalDateTime,
  LocalTime,
  Date as Neo4jDate,
  Time,
} from 'neo4j-driver';
import { durationText, floorSeconds, parseDuration } from '../../../core/duration.ts';
import type { Value } from '../../../core/values.ts';

/** Temporal values as the driver takes and gives them. */
export type DriverTemporal =
  | Neo4jDate<number>
  | LocalTime<number>
  | Time<number>
  | LocalDateTime<number>
  | DateTime<number>
  | Duration<bigint>;

type Whole = bigint | number | { toString(): string };

const NANOS_PER_SECOND = 1_000_000_000n;
/** By which Neo4j counts a month when it checks that a duration is not too long to compare. */
const SECONDS_PER_MONTH = 2_629_746n;
const SECONDS_PER_DAY = 86_400n;

const DATE = /^([+-]?\d+)-(\d\d)-(\d\d)$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-][\d:]+)?(?:\[(.*)\])?$/;

/** A temporal value of the driver in canonical form, or null when it is none. */
export function temporalValue(value: object): Value | null {
  if (isDateTime(value)) return { $dateTime: dateTimeText(value) };
  if (isDate(value)) return { $date: dateText(value) };
  if (isLocalDateTime(value)) return { $localDateTime: `${dateText(value)}T${timeText(value)}` };
  if (isDuration(value)) return { $duration: textOfDuration(value) };
  if (isTime(value)) return { $time: timeText(value) + offsetText(Number(value.timeZoneOffsetSeconds)) };
  if (isLocalTime(value)) return { $localTime: timeText(value) };
  return null;
}

export function driverDate(text: string): Neo4jDate<number> {
  const [year, month, day] = dateParts(text);
  return new Neo4jDate(year, month, day);
}

export function driverLocalTime(text: string): LocalTime<number> {
  const { hour, minute, second, nano } = timeParts(text);
  return new LocalTime(hour, minute, second, nano);
}

export function driverTime(text: string): Time<number> {
  const { hour, minute, second, nano, offset } = timeParts(text);
  return new Time(hour, minute, second, nano, offset);
}

export function driverLocalDateTime(text: string): LocalDateTime<number> {
  const [date, time] = split(text);
  const { hour, minute, second, nano } = timeParts(time);
  return new LocalDateTime(...dateParts(date), hour, minute, second, nano);
}

export function driverDateTime(text: string): DateTime<number> {
  const [date, time] = split(text);
  const { hour, minute, second, nano, offset, zone } = timeParts(time);
  return new DateTime(...dateParts(date), hour, minute, second, nano, offset, zone);
}

/** Null when Neo4j cannot hold it: it checks that months, days and seconds together are a number of seconds of 64 bits. */
export function driverDuration(text: string): Duration<bigint> | null {
  const duration = parseDuration(text);
  if (duration === null) throw new TypeError('not a canonical duration');
  const { months, days, nanos } = duration;
  const seconds = floorSeconds(nanos);
  const whole = [days * SECONDS_PER_DAY, days * SECONDS_PER_DAY + seconds, months * SECONDS_PER_MONTH];
  const total = months * SECONDS_PER_MONTH + days * SECONDS_PER_DAY + seconds;
  if (![...whole, total].every((size) => BigInt.asIntN(64, size) === size)) return null;
  return new Duration(months, days, seconds, nanos - seconds * NANOS_PER_SECOND);
}

function dateText(date: { readonly year: Whole; readonly month: Whole; readonly day: Whole }): string {
  const year = Number(date.year);
  const digits = String(Math.abs(year)).padStart(4, '0');
  const sign = year < 0 ? '-' : year > 9999 ? '+' : '';
  return `${sign}${digits}-${twoDigits(date.month)}-${twoDigits(date.day)}`;
}

interface TimeOfDay {
  readonly hour: Whole;
  readonly minute: Whole;
  readonly second: Whole;
  readonly nanosecond: Whole;
}

function timeText({ hour, minute, second, nanosecond }: TimeOfDay): string {
  const nanos = Number(nanosecond);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(second)}${fraction}`;
}

function dateTimeText(value: DateTime): string {
  const zone = value.timeZoneId ? `[${value.timeZoneId}]` : '';
  return `${dateText(value)}T${timeText(value)}${offsetText(Number(value.timeZoneOffsetSeconds ?? 0))}${zone}`;
}

function textOfDuration({ months, days, seconds, nanoseconds }: Duration): string {
  const nanos = whole(seconds) * NANOS_PER_SECOND + whole(nanoseconds);
  return durationText({ months: whole(months), days: whole(days), nanos });
}

function whole(value: Whole): bigint {
  return typeof value === 'bigint' ? value : BigInt(value.toString());
}

function twoDigits(value: Whole): string {
  return String(value).padStart(2, '0');
}

/** `Z` or `+hh:mm[:ss]`. */
function offsetText(seconds: number): string {
  if (seconds === 0) return 'Z';
  const size = Math.abs(seconds);
  const [hour, minute, second] = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60];
  const tail = second === 0 ? '' : `:${twoDigits(second)}`;
  return `${seconds < 0 ? '-' : '+'}${twoDigits(hour)}:${twoDigits(minute)}${tail}`;
}

function offsetSeconds(text: string): number {
  if (text === 'Z') return 0;
  const [hour = 0, minute = 0, second = 0] = text.slice(1).split(':').map(Number);
  const size = hour * 3600 + minute * 60 + second;
  return text.startsWith('-') ? -size : size;
}

function split(text: string): [string, string] {
  const at = text.indexOf('T');
  return [text.slice(0, at), text.slice(at + 1)];
}

function dateParts(text: string): [year: number, month: number, day: number] {
  const match = DATE.exec(text);
  if (match === null) throw new TypeError('not a canonical date');
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

interface TimeParts {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nano: number;
  readonly offset: number;
  readonly zone: string | undefined;
}

function timeParts(text: string): TimeParts {
  const match = TIME.exec(text);
  if (match === null) throw new TypeError('not a canonical time');
  const [, hour, minute, second, fraction = '', offset = 'Z', zone] = match;
  const nano = Number(fraction.padEnd(9, '0'));
  return {
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    nano,
    offset: offsetSeconds(offset),
    zone,
  };
}
