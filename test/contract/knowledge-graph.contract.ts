import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import type { Value } from '../../src/core/values.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { concurrencyContract } from './knowledge-graph-concurrency.contract.ts';
import { feedContract } from './knowledge-graph-feed.contract.ts';
import { guardContract } from './knowledge-graph-guard.contract.ts';
import { markerContract } from './knowledge-graph-markers.contract.ts';
import { writingContract } from './knowledge-graph-writes.contract.ts';

/** How the suite gets at graphs of one kind. */
export interface GraphHarness {
  /** A new, empty, attached graph. */
  fresh(): Promise<KnowledgeGraph>;
  /** The same graph as another instance of the service would open it. */
  reopen(graph: KnowledgeGraph): KnowledgeGraph;
  /** Whether the graph can hold a value; any unless told. */
  readonly holds?: (value: Value) => boolean;
  close(): Promise<void>;
}

/** What every knowledge graph must do, whatever it is kept in. Graphs that are not captured as they are written have no feed. */
export function knowledgeGraphContract(name: string, open: () => Promise<GraphHarness>, captured = true): void {
  describe(name, () => {
    let harness: GraphHarness;
    let graph: KnowledgeGraph;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      graph = await harness.fresh();
    });
    const current = () => ({ graph, harness });

    describe('writing', () => writingContract(current, captured));
    describe('the guard', () => guardContract(current));
    describe('markers', () => markerContract(() => graph, captured));
    if (captured) describe('capture and feed', () => feedContract(() => graph));
    describe('writers at the same time', () => concurrencyContract(current, captured));
  });
}
