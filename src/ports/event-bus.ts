/**
 * Wakes those who wait for something to be stored. Notices carry no content: whoever is woken reads the rows, so a lost or doubled
 * notice costs at most a delay. Topics: `operation:<id>`, `graph:<id>`, `point:<id>`, `capture:<graph id>`;
 * `pending:<graph id>` asks whoever records the graph to look at once, `seat:<graph id>` to let another instance record.
 */
export interface EventBus {
  publish(topic: string): void;
  /** Calls `wake` after each notice on the topic until the returned function is called. */
  subscribe(topic: string, wake: () => void): () => void;
  close(): Promise<void>;
}
