import { CaptureError } from '../core/errors.ts';

/** Runs what the graph does; whatever goes wrong there is an answer to whoever attaches or detaches. */
export async function reaching<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    throw new CaptureError(`graph ${name} does not answer as it should: ${textOf(error)}`, 'OFF');
  }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
