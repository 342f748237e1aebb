import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import neo4j, { type Driver, type Record as Row } from 'neo4j-driver';
import { type Answer, connectTo, type TestClient } from './graphql-client.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { freePort, noteProcess, runFolder, startProcess } from './processes.ts';

export interface GraphSettings {
  readonly attach?: boolean;
  readonly keyProperty?: string;
  readonly derivedProperties?: readonly string[];
}

/** The service as a process of its own, with one Neo4j graph named `g`, and a plain driver beside it. */
export class Neo4jService {
  readonly database: TestDatabase;
  readonly driver: Driver;
  readonly port: number;
  readonly client: TestClient;
  /** Where its blobs are. */
  readonly dataFolder: string;
  readonly #config: string;
  readonly #environment: Record<string, string>;
  #child: ChildProcess | null = null;
  log = '';

  private constructor(
    database: TestDatabase,
    url: string,
    port: number,
    settings: GraphSettings,
    more: Record<string, string>,
  ) {
    this.database = database;
    this.driver = neo4j.driver(url, undefined, { useBigInt: true });
    this.port = port;
    this.client = connectTo(`http://127.0.0.1:${port}`);
    this.dataFolder = join(runFolder(), `data-${port}`);
    this.#config = join(runFolder(), `graphs-${port}.json`);
    writeFileSync(this.#config, JSON.stringify({ graphs: [{ name: 'g', kind: 'neo4j', url, ...settings }] }));
    this.#environment = more;
  }

  /** The tables are there already, or those of another instance; the graph is not attached unless the settings say so. */
  static async open(
    url: string,
    settings: GraphSettings = {},
    { environment = {}, beside }: { environment?: Record<string, string>; beside?: Neo4jService } = {},
  ): Promise<Neo4jService> {
    const database = beside?.database ?? (await createTestDatabase({ migrated: true }));
    const service = new Neo4jService(database, url, await freePort(), settings, environment);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    const env = {
      ...process.env,
      ...this.#environment,
      HOST: '127.0.0.1',
      PORT: `${this.port}`,
      DATABASE_URL: this.database.url,
      PALINODE_DATA: this.dataFolder,
    };
    const child = startProcess(
      process.execPath,
      ['--max-semi-space-size=16', '--heap-growing-percent=150', 'src/main/server.ts'],
      {
        env: { ...env, PALINODE_CONFIG: this.#config, NODE_OPTIONS: '' },
      },
    );
    noteProcess(child.pid ?? 0);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.log = (this.log + chunk.toString()).slice(-20_000);
      });
    }
    child.once('exit', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') console.error(`the service ended with ${code ?? signal}: ${this.log}`);
    });
    this.#child = child;
    for (const until = Date.now() + 180_000; Date.now() < until && child.exitCode === null; await sleep(50)) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null);
      if (answer?.ok === true) return;
    }
    throw new Error(`the service did not start: ${this.log}`);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** The most memory that the process has had since it was started, in MB. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  /** With its tables, which no other instance may use any more. */
  async close(): Promise<void> {
    await this.leave();
    await this.database[Symbol.asyncDispose]();
  }

  /** Ends this instance; its tables stay. */
  async leave(): Promise<void> {
    if (this.#child?.exitCode === null) await this.kill();
    await this.driver.close();
  }

  /** One statement in a transaction of its own, as somebody else's client sends it: again when it meets a deadlock. */
  async cypher(text: string, params: Record<string, unknown> = {}, palinode?: Record<string, string>): Promise<Row[]> {
    const session = this.driver.session();
    try {
      const metadata = palinode === undefined ? {} : { metadata: { palinode } };
      return await session.executeWrite(async (tx) => (await tx.run(text, params)).records, metadata);
    } finally {
      await session.close();
    }
  }

  /** Runs a mutation with one input; answers the member of its union. */
  async mutate(name: string, type: string, input: Record<string, unknown>, fields: string): Promise<Answer> {
    const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on UserError { code message } ${fields} } }`;
    return (await this.#data(query, { input }))[name];
  }

  attach(): Promise<Answer> {
    return this.mutate('attachGraph', 'GraphInput', { graph: 'g' }, '... on Graph { capture { mode } }');
  }

  /** Detaches, and waits until nothing of ours is left. */
  async detach(removeKeys = false): Promise<Answer> {
    const fields = '... on Graph { capture { mode } }';
    const answer = await this.mutate('detachGraph', 'DetachGraphInput', { graph: 'g', removeKeys }, fields);
    while ((await this.graph()).capture.error !== null) await sleep(50);
    return answer;
  }

  point(name: string): Promise<Answer> {
    const fields = '... on RollbackPoint { id status seq nodeCount relationshipCount checksum }';
    return this.mutate('createRollbackPoint', 'CreateRollbackPointInput', { graph: 'g', name }, fields);
  }

  /** Restores a point or undoes, and waits for the end; what was refused comes as it is. */
  async rollback(input: Record<string, unknown>): Promise<Answer> {
    const started = await this.begin(input);
    return started.id === undefined ? started : this.ended(started.id);
  }

  /** Executes a preview, by its plan. */
  async execute(input: Record<string, unknown>): Promise<Answer> {
    const started = await this.mutate(
      'executeRollback',
      'ExecuteRollbackInput',
      input,
      '... on RollbackOperation { id }',
    );
    return started.id === undefined ? started : this.ended(started.id);
  }

  /** Begins to restore a point, or to undo. */
  begin(input: Record<string, unknown>): Promise<Answer> {
    return this.mutate('rollback', 'RollbackInput', { graph: 'g', ...input }, '... on RollbackOperation { id }');
  }

  async operation(id: string): Promise<Answer> {
    const query = `query ($id: ID!) { rollbackOperation(id: $id) { status outcome errorMessage planHash counts { planned applied skipped conflicted }
      account { created overwritten deleted skipped left } proof { method matches checkedEntities } } }`;
    return { id, ...(await this.#data(query, { id })).rollbackOperation };
  }

  async ended(id: string): Promise<Answer> {
    for (;;) {
      const operation = await this.operation(id);
      if (['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'].includes(operation.status)) return operation;
      await sleep(50);
    }
  }

  async verify(): Promise<Answer> {
    const started = await this.mutate('verifyGraph', 'GraphInput', { graph: 'g' }, '... on Verification { id }');
    if (started.id === undefined) return started;
    const query = `query ($id: ID!) { node(id: $id) { ... on Verification { status matches errorMessage entitiesChecked transaction { source changeCount }
      differences(first: 50) { nodes { kind key action } } } } }`;
    for (;;) {
      const { node } = await this.#data(query, { id: started.id });
      if (node.status !== 'RUNNING') return node;
      await sleep(50);
    }
  }

  async graph(): Promise<Answer> {
    const query = `{ graph(name: "g") { nodeCount relationshipCount head { seq } earliest { seq }
      capture { mode progress error epoch reconciled pending problems(first: 100) { nodes { kind message key } } } } }`;
    return (await this.#data(query)).graph;
  }

  /** Waits until capture is in the mode. */
  async until(mode: string, seconds = 120): Promise<Answer> {
    for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
      const graph = await this.graph();
      if (graph.capture.mode === mode) return graph;
      if (Date.now() > end) throw new Error(`capture is ${JSON.stringify(graph)}, not ${mode}: ${this.log}`);
    }
  }

  /** A connection that the server closed while it was taken up again is no answer: asked once more. */
  async #data(query: string, variables?: Record<string, unknown>): Promise<Answer> {
    try {
      return await this.client.data(query, variables);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await sleep(200);
      return this.client.data(query, variables);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}
