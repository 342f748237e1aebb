import { type Aspect, listTexts, propertyOf } from './aspects.ts';
import { valueText } from './canonical.ts';
import type { EntityRef, EntityState } from './entities.ts';
import type { Value } from './values.ts';
import type { Verdict } from './verdict.ts';

/** Values longer than this are cut, since an explanation is one sentence. */
const SHOWN_CHARACTERS = 60;
const SHOWN_NAMES = 5;

/** Properties that people call things by, the most telling first. */
const NAMING = ['name', 'title', 'label', 'displayName', 'fullName', 'caption'];

/** Who wrote something, and when, for the sentence about it. */
export interface Author {
  readonly actor: string | null;
  readonly time: Date;
}

/**
 * The entity as its user knows it: by what it is labelled and called in `state`, and always by its key. Person "Ada" (a-17), node a-17
 * where nothing else is known, relationship r-17 (a-17 KNOWS b-4).
 */
export function nameOf({ kind, key }: EntityRef, state: EntityState | null = null): string {
  const known = shorten(key);
  if (state?.kind === 'RELATIONSHIP') return `relationship ${known} (${endsText(state)})`;
  if (state === null) return `${kind === 'NODE' ? 'node' : 'relationship'} ${known}`;
  const what = state.labels.length === 0 ? 'node' : shorten(state.labels.join(':'));
  const called = NAMING.map((property) => ownText(state, property)).find((text) => text !== null);
  return called === undefined || called === null || called === key
    ? `${what} ${known}`
    : `${what} "${shorten(called)}" (${known})`;
}

function ownText({ properties }: EntityState, name: string): string | null {
  const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}

function endsText({ type, start, end }: Extract<EntityState, { kind: 'RELATIONSHIP' }>): string {
  return [start, type, end].map(shorten).join(' ');
}

/** ` (ada at 2024-05-01 02:10:00 UTC)`, as much of it as is known. */
function byText(author: Author | null): string {
  if (author === null) return '';
  const at = author.time.toISOString().slice(0, 19).replace('T', ' ');
  return ` (${author.actor === null ? '' : `${shorten(author.actor)} at `}${at} UTC)`;
}

/** What an explanation is about: the entity as it is or was, and who wrote last on top of the undo set. */
export interface Subject {
  readonly ref: EntityRef;
  readonly state: EntityState | null;
  readonly author: Author | null;
}

/** Others wrote a property or the labels on top of what is taken back. */
export function explainAspect(subject: Subject, { aspect, base, target, live }: Verdict): string {
  const name = nameOf(subject.ref, subject.state);
  const by = byText(subject.author);
  if (aspect === 'labels') {
    const changed = `Taking back the labels of ${name} from ${labels(base)} to ${labels(target)}`;
    return `${changed} would lose what others have made them since${by}: ${labels(live)}.`;
  }
  const changed = `Taking back ${shorten(propertyOf(aspect) ?? aspect)} of ${name} from ${shown(base)} to ${shown(target)}`;
  return `${changed} would lose what others have made it since${by}: ${shown(live)}.`;
}

/** The entity would vanish with what others wrote to it. */
export function explainContent({ ref, state, author }: Subject, others: readonly Aspect[]): string {
  const start = `Taking back the creation of ${nameOf(ref, state)}`;
  if (others.length === 0) return `${start} would lose it as others have created it anew since${byText(author)}.`;
  return `${start} would lose what others wrote to it${byText(author)}: ${names(others)}.`;
}

/** Others deleted the entity after the undo set had changed it. */
export function explainDeletion({ ref, state, author }: Subject, verdicts: readonly Verdict[]): string {
  const changed = verdicts.filter(({ kind }) => kind !== 'KEEP').map(({ aspect }) => aspect);
  const gone = `which others have deleted since${byText(author)}`;
  return `What is to be taken back changed ${names(changed)} of ${nameOf(ref, state)}, ${gone}.`;
}

/** Others created the relationship anew, with another type or other ends. */
export function explainEnds({ ref, author }: Subject, { base, target, live }: Verdict): string {
  const changed = `Taking back ${nameOf(ref)} from ${ends(base)} to ${ends(target)}`;
  return `${changed} would lose what others have made it since${byText(author)}: ${ends(live)}.`;
}

function names(aspects: readonly Aspect[]): string {
  const all = aspects.map((aspect) => (aspect === 'existence' ? 'type and ends' : (propertyOf(aspect) ?? aspect)));
  const shownNames = all.slice(0, SHOWN_NAMES).map(shorten).join(', ');
  return all.length > SHOWN_NAMES ? `${shownNames} and ${all.length - SHOWN_NAMES} more` : shownNames;
}

export function shown(value: Value | null): string {
  if (value === null) return 'absent';
  const text = shorten(valueText(value));
  return typeof value === 'string' ? `"${text}"` : text;
}

function labels(value: Value | null): string {
  const texts = value === null ? null : listTexts(value);
  if (texts === null) return 'absent';
  return texts.length === 0 ? 'none' : shorten(texts.join(', '));
}

function ends(value: Value | null): string {
  const [type = '', start = '', end = ''] = (value === null ? null : listTexts(value)) ?? [];
  return shorten(`${start} ${type} ${end}`);
}

export function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}\u2026` : text;
}
