import { type Aspect, listTexts, propertyOf } from './aspects.ts';
import { valueText } from './canonical.ts';
import type { EntityRef } from './entities.ts';
import type { Value } from './values.ts';
import type { Verdict } from './verdict.ts';

/** Values longer than this are cut, since an explanation is one sentence. */
const SHOWN_CHARACTERS = 60;
const SHOWN_NAMES = 5;

/** The entity as its user knows it: node ada, relationship r-17. */
export function nameOf({ kind, key }: EntityRef): string {
  return `${kind === 'NODE' ? 'node' : 'relationship'} ${shorten(key)}`;
}

/** Others wrote a property or the labels on top of what is taken back. */
export function explainAspect(ref: EntityRef, { aspect, base, target, live }: Verdict): string {
  if (aspect === 'labels') {
    const changed = `Taking back the labels of ${nameOf(ref)} from ${labels(base)} to ${labels(target)}`;
    return `${changed} would lose what others have made them since: ${labels(live)}.`;
  }
  const changed = `Taking back ${shorten(propertyOf(aspect) ?? aspect)} of ${nameOf(ref)} from ${shown(base)} to ${shown(target)}`;
  return `${changed} would lose what others have made it since: ${shown(live)}.`;
}

/** The entity would vanish with what others wrote to it. */
export function explainContent(ref: EntityRef, others: readonly Aspect[]): string {
  const start = `Taking back the creation of ${nameOf(ref)}`;
  if (others.length === 0) return `${start} would lose it as others have created it anew since.`;
  return `${start} would lose what others wrote to it: ${names(others)}.`;
}

/** Others deleted the entity after the undo set had changed it. */
export function explainDeletion(ref: EntityRef, verdicts: readonly Verdict[]): string {
  const changed = verdicts.filter(({ kind }) => kind !== 'KEEP').map(({ aspect }) => aspect);
  return `What is to be taken back changed ${names(changed)} of ${nameOf(ref)}, which others have deleted since.`;
}

/** Others created the relationship anew, with another type or other ends. */
export function explainEnds(ref: EntityRef, { base, target, live }: Verdict): string {
  const changed = `Taking back ${nameOf(ref)} from ${ends(base)} to ${ends(target)}`;
  return `${changed} would lose what others have made it since: ${ends(live)}.`;
}

function names(aspects: readonly Aspect[]): string {
  const all = aspects.map((aspect) => (aspect === 'existence' ? 'type and ends' : (propertyOf(aspect) ?? aspect)));
  const shownNames = all.slice(0, SHOWN_NAMES).map(shorten).join(', ');
  return all.length > SHOWN_NAMES ? `${shownNames} and ${all.length - SHOWN_NAMES} more` : shownNames;
}

function shown(value: Value | null): string {
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

function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}\u2026` : text;
}
