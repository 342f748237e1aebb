import type { EntityState } from '../core/entities.ts';
import type { KnowledgeGraph } from './knowledge-graph.ts';

/** A copy of a part of a graph, to try writes on. Nothing that happens in it is captured. */
export interface ScratchGraph extends Pick<KnowledgeGraph, 'transaction' | 'read' | 'scan'> {
  /** Copies entities into it; those that it has stay as they are. Nodes come before relationships, whose ends must be there. */
  load(states: readonly EntityState[]): Promise<void>;
}

/** Makes and removes scratch graphs. They outlive a crash, so whoever makes one notes its name first. */
export interface ScratchGraphs {
  /** An empty graph with the constraints of `like`. What was there under that name is removed. */
  create(name: string, like: KnowledgeGraph): Promise<ScratchGraph>;
  /** Nothing happens when there is none. */
  remove(name: string): Promise<void>;
}
