import { NotFoundError } from '../core/errors.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import { auditFact } from './audit-facts.ts';
import type * as contract from './contract.ts';
import type { GraphHost } from './graph-host.ts';
import type { Idempotency } from './idempotency.ts';

export interface GraphAttacherDependencies {
  readonly history: Pick<History, 'graphByName'>;
  readonly host: Pick<GraphHost, 'attach' | 'detach'>;
  readonly idempotency: Idempotency;
}

/** Begins and ends the capture of graphs at run time. Both return the graph's name. */
export class GraphAttacher implements contract.GraphAttacher {
  readonly #deps: GraphAttacherDependencies;

  constructor(deps: GraphAttacherDependencies) {
    this.#deps = deps;
  }

  async attach(caller: contract.Caller, { idempotencyKey: key, ...input }: contract.AttachInput): Promise<string> {
    const { idempotency, host } = this.#deps;
    const { id, name } = await this.#graph(input.graph);
    const call = { graph: `${id}`, mutation: 'attachGraph', key, input, type: 'Graph' };
    return idempotency.run(caller, call, async () => {
      await host.attach(id, auditFact(caller, 'GRAPH_ATTACHED', {}, { graph: name }));
      return name;
    });
  }

  async detach(caller: contract.Caller, { idempotencyKey: key, ...input }: contract.DetachInput): Promise<string> {
    const { idempotency, host } = this.#deps;
    const { id, name } = await this.#graph(input.graph);
    const call = { graph: `${id}`, mutation: 'detachGraph', key, input, type: 'Graph' };
    return idempotency.run(caller, call, async () => {
      const { removeKeys } = input;
      await host.detach(id, removeKeys, auditFact(caller, 'GRAPH_DETACHED', {}, { graph: name, removeKeys }));
      return name;
    });
  }

  async #graph(name: string): Promise<GraphRecord> {
    const graph = name.includes('\0') ? null : await this.#deps.history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    return graph;
  }
}
