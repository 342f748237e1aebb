import { performance } from 'node:perf_hooks';

/** What the story tells, as lines on the terminal. */

export interface Summary {
  nodesCreated: string;
  nodesUpdated: string;
  nodesDeleted: string;
  relationshipsCreated: string;
  relationshipsUpdated: string;
  relationshipsDeleted: string;
}
export const say = (text = ''): void => void process.stdout.write(`${text}\n`);
export const chapter = (text: string): void => say(`\n\u001b[1m${text}\u001b[0m`);

export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  say(`   ${what} answered in ${(performance.now() - started).toFixed(0)} ms`);
  return result;
}

export function describe(s: Summary | null): string {
  if (s === null) return 'nothing planned';
  return `nodes +${s.nodesCreated} ~${s.nodesUpdated} -${s.nodesDeleted}, relationships +${s.relationshipsCreated} ~${s.relationshipsUpdated} -${s.relationshipsDeleted}`;
}

export function quote(text: string | undefined): string {
  if (text === undefined) return '(absent)';
  return `"${text.length > 60 ? `${text.slice(0, 57)}...` : text}"`;
}
