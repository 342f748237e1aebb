import { CaptureError } from '../core/errors.ts';
import type { GraphRecord } from '../ports/history.ts';

/** @throws CaptureError that says what to do, unless what the graph holds is recorded */
export function assertCaptured({ name, captureMode, captureProgress, captureError }: GraphRecord): void {
  if (captureMode === 'OFF') {
    const why = captureError === null ? '' : ` (${captureError})`;
    throw new CaptureError(`graph ${name} is not attached: attachGraph begins to capture it${why}`, captureMode);
  }
  if (captureMode === 'BASELINE') {
    const message = `the first recording of graph ${name} has not ended, it is at ${captureProgress} %: see Graph.capture`;
    throw new CaptureError(message, captureMode);
  }
}
