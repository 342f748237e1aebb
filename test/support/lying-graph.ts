import { type EntityChange, type EntityState, entityId } from '../../src/core/entities.ts';
import type { GraphTransaction, KnowledgeGraph, WriteContext } from '../../src/ports/knowledge-graph.ts';

/**
 * How a graph deceives whoever rolls it back: `FORGETS` says that it wrote an entity and did not; `GARBLES` writes something else;
 * `MISREADS` shows something else than it holds.
 */
export type Lie = 'FORGETS' | 'GARBLES' | 'MISREADS';

/** A graph that lies about one entity, by its id, to rollbacks only. Give it to `wrapGraph`. */
export class Liar {
  #lie: { readonly how: Lie; readonly about: string } | null = null;

  tell(how: Lie, about: string): void {
    this.#lie = { how, about };
  }

  readonly wrap = (graph: KnowledgeGraph): KnowledgeGraph =>
    new Proxy(graph, {
      get: (target, name) => {
        if (name === 'transaction') return this.#transaction(target);
        if (name === 'read') return this.#read(target);
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });

  #read(graph: KnowledgeGraph): KnowledgeGraph['read'] {
    return async (refs) => {
      const states = await graph.read(refs);
      if (this.#lie?.how !== 'MISREADS') return states;
      const { about } = this.#lie;
      const state = [...states.values()].find((found) => entityId(found) === about);
      return state === undefined ? states : states.set(entityId(state), garbled(state));
    };
  }

  #transaction(graph: KnowledgeGraph): KnowledgeGraph['transaction'] {
    return (context: WriteContext, work) =>
      graph.transaction(context, (tx) => work(context.source === 'ROLLBACK' ? this.#lyingIn(tx) : tx));
  }

  #lyingIn(tx: GraphTransaction): GraphTransaction {
    const write: GraphTransaction['write'] = (changes) => tx.write(changes.flatMap((change) => this.#instead(change)));
    return new Proxy(tx, {
      get: (target, name) => {
        if (name === 'write') return write;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  #instead(change: EntityChange): EntityChange[] {
    if (this.#lie === null || this.#lie.about !== entityId(change)) return [change];
    if (this.#lie.how === 'FORGETS') return [];
    if (this.#lie.how === 'GARBLES' && change.after !== null) return [{ ...change, after: garbled(change.after) }];
    return [change];
  }
}

export function garbled<State extends EntityState>(state: State): State {
  return { ...state, properties: { ...state.properties, garbled: true } };
}
