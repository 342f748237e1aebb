import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** One figure, and the bar it must clear. `bound` says on which side of the bar it must lie. */
export interface Figure {
  readonly engine: 'pglite' | 'server';
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: number;
  readonly bound: 'at most' | 'at least';
  /** What it was measured against, for ratios. */
  readonly detail?: string;
}

export function passes(figure: Figure): boolean {
  return figure.bound === 'at most' ? figure.value <= figure.bar : figure.value >= figure.bar;
}

export function printTable(figures: readonly Figure[]): void {
  const rows = figures.map((f) => [
    f.engine,
    f.name,
    `${round(f.value)} ${f.unit}`,
    `${f.bound} ${f.bar} ${f.unit}`,
    passes(f) ? 'ok' : 'MISSED',
    f.detail ?? '',
  ]);
  const head = ['engine', 'figure', 'measured', 'bar', '', 'detail'];
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => c.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  process.stdout.write(`${[line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n')}\n`);
}

/** Writes bench/results/<name>.json with the machine and the commit. */
export function save(name: string, figures: readonly Figure[]): void {
  mkdirSync('bench/results', { recursive: true });
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  const dirty = execFileSync('git', ['status', '--porcelain', 'src'], { encoding: 'utf8' }).trim() !== '';
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const results = figures.map((f) => ({ ...f, value: round(f.value), ok: passes(f) }));
  writeFileSync(
    `bench/results/${name}.json`,
    `${JSON.stringify({ at: new Date().toISOString(), commit, dirty, machine, results }, null, 2)}\n`,
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('no values to take the median of');
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
