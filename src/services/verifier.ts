import { NotFoundError } from '../core/errors.ts';
import type { GraphRecord } from '../ports/history.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import { auditFact } from './audit-facts.ts';
import { assertCaptured } from './capture-state.ts';
import type * as contract from './contract.ts';
import type { GraphRegistry } from './graph-registry.ts';
import type { Attempt, Idempotency } from './idempotency.ts';
import { type VerificationDependencies, VerificationRun } from './verification-run.ts';

const VERIFICATION_QUEUE = 'verification';
const SWEEP_MS = 10_000;
const SWEEP_LIMIT = 100;
/** Beyond this a timer of Node fires at once; firing earlier does nothing, since a span of time has one comparison. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Who asks for comparisons by the clock. */
const SCHEDULE: contract.Caller = { actor: 'palinode:schedule', ip: null, userAgent: null };

export interface VerifierDependencies extends VerificationDependencies {
  readonly registry: GraphRegistry;
  readonly idempotency: Idempotency;
  readonly queue: JobQueue;
  /** Milliseconds between two comparisons of each graph that nobody asks for. Absent: none. */
  readonly everyMs?: number | undefined;
  /** Told why a verification ended FAILED. */
  readonly onError?: (error: unknown, verificationId: string) => void;
}

/** Compares live graphs with their history, entity by entity. */
export class Verifier implements contract.Verifier {
  readonly #deps: VerifierDependencies;
  readonly #stopping = new AbortController();
  #schedule: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: VerifierDependencies) {
    this.#deps = deps;
  }

  /** To be called after the queue's start: takes verifications, those too that another process left behind. */
  async start(): Promise<void> {
    const { everyMs, onError } = this.#deps;
    await this.#deps.queue.handle(VERIFICATION_QUEUE, 1, ({ id }) => this.run(id));
    await this.sweep();
    this.#sweep = setInterval(
      () => void this.sweep().catch((error: unknown) => onError?.(error, 'that nobody runs')),
      SWEEP_MS,
    ).unref();
    if (everyMs === undefined) return;
    const verifyAll = () => void this.#verifyAll(everyMs).catch((error: unknown) => onError?.(error, 'of all graphs'));
    this.#schedule = setInterval(verifyAll, Math.min(everyMs, LONGEST_TIMER_MS)).unref();
  }

  /** Queues verifications that nobody runs: a lease outlives the process that held it. */
  async sweep(): Promise<void> {
    for (const id of await this.#deps.verifications.abandoned(SWEEP_LIMIT))
      await this.#deps.queue.send(VERIFICATION_QUEUE, { id });
  }

  /** Begins a comparison of every captured graph, on whichever instance comes first. */
  async #verifyAll(everyMs: number): Promise<void> {
    const { registry, history, onError } = this.#deps;
    const span = Math.floor(Date.now() / everyMs);
    for (const graph of (await history.graphsById(registry.ids())).values()) {
      if (graph.captureMode === 'OFF' || graph.captureMode === 'BASELINE') continue;
      const input = { graph: graph.name, idempotencyKey: `every ${everyMs} ms: ${span}` };
      await this.begin(SCHEDULE, input).catch((error: unknown) => onError?.(error, `of graph ${graph.name}`));
    }
  }

  /** Verifications under way are left to whoever starts next. */
  stop(): void {
    clearInterval(this.#schedule);
    clearInterval(this.#sweep);
    this.#stopping.abort();
  }

  /** A graph has one verification at a time: asking again while it runs returns that one. */
  async begin(caller: contract.Caller, { idempotencyKey: key, graph: name }: contract.VerifyInput): Promise<string> {
    const { history, verifications, registry, idempotency, queue } = this.#deps;
    const graph = name.includes('\0') ? null : await history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    const call = { graph: `${graph.id}`, mutation: 'verifyGraph', key, input: { graph: name }, type: 'Verification' };
    return idempotency.run(caller, call, async (attempt) => {
      assertCaptured(graph);
      registry.get(graph.id);
      const id = (await verifications.running(graph.id)) ?? (await this.#create(caller, graph, attempt));
      // Also when it runs already: whoever ran it may be gone.
      await queue.send(VERIFICATION_QUEUE, { id });
      return id;
    });
  }

  /** @returns the new verification, or the one that somebody else began at the same time */
  async #create(caller: contract.Caller, graph: GraphRecord, { id, retried }: Attempt): Promise<string> {
    const { verifications } = this.#deps;
    if (retried && (await verifications.get(id)) !== null) return id;
    const fact = auditFact(caller, 'VERIFICATION_STARTED', {}, { graph: graph.name, verification: id });
    while (!(await verifications.create(id, graph.id, fact))) {
      const running = await verifications.running(graph.id);
      if (running !== null) return running;
    }
    return id;
  }

  async run(id: string): Promise<void> {
    const { verifications, registry, holder, onError } = this.#deps;
    const verification = await verifications.get(id);
    if (verification === null || verification.status !== 'RUNNING') return;
    const run = new VerificationRun(
      this.#deps,
      registry.get(verification.graphId),
      verification,
      this.#stopping.signal,
    );
    if (!(await verifications.acquire(id, holder, VerificationRun.leaseMs))) return;
    try {
      await run.complete();
    } catch (error) {
      if (this.#stopping.signal.aborted) {
        await verifications.release(id, holder).catch(() => {});
        throw error;
      }
      onError?.(error, id);
      await run.fail(error);
    }
  }
}
