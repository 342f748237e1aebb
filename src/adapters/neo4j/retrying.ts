import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_BACKOFF_MS = 20;
const LONGEST_BACKOFF_MS = 2000;

/** Runs `work` until it succeeds, at most `attempts` times, waiting longer and at random each time, while its failures pass `again`. */
export async function retrying<T>(
  attempts: number,
  again: (error: unknown) => boolean,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= attempts || !again(error)) throw error;
    }
    await sleep(Math.random() * Math.min(FIRST_BACKOFF_MS * 2 ** attempt, LONGEST_BACKOFF_MS));
  }
}
