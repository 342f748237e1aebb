import type { EntityRef, EntityState } from '../core/entities.ts';
import type { KnowledgeGraph } from './knowledge-graph.ts';

/**
 * A unique value that an entity of the scratch graph holds and that another one, which was not copied, has in the graph itself. Only of
 * what is not among the graph's declared `constraints`.
 */
export interface TakenValue extends EntityRef {
  readonly constraint: string;
  readonly otherKey: string;
}

/** A copy of a part of a graph, to try writes on. Nothing that happens in it is captured. */
export interface ScratchGraph extends Pick<KnowledgeGraph, 'transaction' | 'read' | 'scan'> {
  /** Copies entities; those that were copied before stay as they are. Both ends of a relationship must be among them, or copied. */
  load(states: readonly EntityState[]): Promise<void>;
  /** At most `limit`. */
  taken(limit: number): Promise<readonly TakenValue[]>;
}

/** Makes and removes scratch graphs. They outlive a crash, so whoever makes one notes its name first. */
export interface ScratchGraphs {
  /** An empty graph with the constraints of `like`, under a name (a UUID) that no scratch graph had before. */
  create(name: string, like: KnowledgeGraph): Promise<ScratchGraph>;
  /** Nothing happens when there is none. */
  remove(name: string): Promise<void>;
  /** Names of those that there are, at most `limit`. */
  names(limit: number): Promise<readonly string[]>;
}
