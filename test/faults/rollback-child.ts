import type { GraphTransaction, KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { begun } from '../support/persisted-steps.ts';
import { openWorldAt } from '../support/world-at.ts';

/**
 * An instance of the service that takes up whatever rollback it finds, and dies at a chosen place: `before advance 3` is the third call
 * of that method, `after` its return, `inside transaction` right before a rollback's graph transaction commits, `never` not at all. With
 * SIGSTOP as the signal it only stops there, until it is told to go on.
 * Exits with 0 when the operation has ended.
 */
const [, , where = '', operationId = '', moment = 'never', method = '', count = '0', signal = 'SIGKILL'] = process.argv;

let left = Number(count);

function strike(at: string, called: string): void {
  if (at !== moment || called !== method) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, signal);
}

function wrap<Port extends object>(_name: string, port: Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        strike('before', String(name));
        const given = name === 'transaction' ? [args[0], striking(args[1])] : args;
        const result: unknown = Reflect.apply(member, target, given);
        if (name === 'begin') return wrap('begun', begun(result));
        if (!(result instanceof Promise)) return result;
        return result.then((value: unknown) => {
          strike('after', String(name));
          return value;
        });
      };
    },
  });
}

function striking(work: unknown): unknown {
  if (typeof work !== 'function') return work;
  return async (tx: GraphTransaction) => {
    const result: Awaited<ReturnType<Parameters<KnowledgeGraph['transaction']>[1]>> = await work(tx);
    strike('inside', 'transaction');
    return result;
  };
}

const { world, close } = await openWorldAt(where, { wrap, leaseMs: 500, sweepMs: 100 });
const operation = await world.settle(operationId);
await close();
console.log(
  [operation.status, ...world.errors.map((error) => (error instanceof Error ? error.name : error))].join(' '),
);
