import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { places } from './places.ts';
import { startProcess } from './processes.ts';
import { flawsOf } from './recording-audit.ts';
import { RecordingWorld } from './recording-world.ts';

const child = fileURLToPath(new URL('../faults/recording-child.ts', import.meta.url));

/** Starts an instance that imports, writes and records, and kills it `delayMs` after its first few writes. */
async function killWhileRecording(where: string, run: string, delayMs: number): Promise<void> {
  const running = startProcess(process.execPath, ['--no-warnings', child, where, run]);
  let output = '';
  const writing = new Promise<void>((resolve) => {
    for (const stream of [running.stdout, running.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('writing')) resolve();
      });
    }
  });
  const ended = new Promise<string | null>((resolve) => running.on('exit', (_code, signal) => resolve(signal)));
  await Promise.race([writing, ended]);
  await sleep(delayMs);
  running.kill('SIGKILL');
  if ((await ended) !== 'SIGKILL') throw new Error(`the child ended by itself: ${output}`);
}

/** One graph through `kills` kills at random moments of up to `mostMs` after the first writes. */
export function describeKillsWhileRecording(kills: number, mostMs: number, timeoutMs: number): void {
  describe.each(places)('an instance killed while it records, on %s', (_, make) => {
    test(
      'leaves nothing out and nothing twice: the next one records the rest',
      async () => {
        const delays = fc.array(fc.integer({ min: 0, max: mostMs }), { minLength: kills, maxLength: kills });
        await fc.assert(
          fc.asyncProperty(delays, async (moments) => {
            const place = await make();
            for (const [run, delay] of moments.entries()) await killWhileRecording(place.where, `${run}`, delay);

            const database = await place.open();
            const world = await RecordingWorld.open(database, 'killed');
            const recorder = world.recorder({}, { leaseMs: 400 });
            recorder.start();
            await recorder.fence();
            expect(await flawsOf(world)).toEqual([]);
            expect((await world.record()).head.seq).toBeGreaterThan(BigInt(3 * kills));
            // The audit itself must be able to fail.
            await database.query('DELETE FROM entity_versions WHERE valid_from_seq = 2');
            expect(await flawsOf(world)).not.toEqual([]);
            await world.stop();
            await database.close();
            await place.dispose();
          }),
          { numRuns: 1, endOnFailure: true },
        );
      },
      timeoutMs,
    );
  });
}
