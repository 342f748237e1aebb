import { endRun, runFolder } from './processes.ts';

/** Kills every server of the run. */
export default function teardown(): void {
  endRun(runFolder());
}
