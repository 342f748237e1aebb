/** Durable background work. A job is delivered at least once; handlers fence themselves with leases. */
export interface JobQueue {
  start(): Promise<void>;
  /** Registers the handler of a queue on this instance. Rejection makes the queue deliver the job again later. */
  handle(queue: string, concurrency: number, work: (data: { id: string }) => Promise<void>): Promise<void>;
  send(queue: string, data: { id: string }): Promise<void>;
  /** Waits for running handlers, at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}
