import { readWordNet, WORDNET_SIZE } from '../adapters/wordnet/wordnet.ts';
import type { EntityState } from '../core/entities.ts';
import type { GraphRecord } from '../ports/history.ts';
import { importEntities } from '../services/graph-import.ts';
import type { Assembly } from './assemble.ts';
import { logger } from './logger.ts';

/** A graph to begin with. Its entities come in the same order every time, relationships after their ends. */
export interface Sample {
  /** The session of the load. */
  readonly session: string;
  readonly label: string;
  readonly size: number;
  entities(): AsyncIterable<EntityState>;
}

export const WORDNET: Sample = {
  session: 'wordnet',
  label: 'the WordNet 3.1 sample',
  size: WORDNET_SIZE.nodes + WORDNET_SIZE.relationships,
  entities: readWordNet,
};

const ACTOR = 'palinode';
const CALLER = { actor: ACTOR, ip: null, userAgent: null };
const REPORT_EVERY = 50_000;

/** Where a load stands: its session, and how many entities it has written. */
interface Load {
  readonly session: string;
  readonly written: number;
}

/**
 * Loads a sample into a graph that has never been written to, as one session, so that the load can be undone like anything else. One that
 * was cut off by a crash goes on where it stopped: its transactions are whole, so the session says how far it came. It is left alone when the
 * graph no longer holds just what it had loaded; then what is there is the user's to keep or undo.
 */
export async function loadSample(assembly: Assembly, graph: GraphRecord, sample: Sample = WORDNET): Promise<void> {
  const { services, registry, keys } = assembly;
  await registry.get(graph.id).recorder.fence();
  const { head } = await services.graphs.byId(graph.id);
  const load = (await cutOff(assembly, graph, sample)) ?? (head.seq > 0n ? null : await begin(assembly, graph, sample));
  if (load === null) return;
  const { session, written } = load;
  const facts = { graph: graph.name, entities: sample.size, written };
  logger.info(facts, `${written > 0 ? 'going on' : 'beginning'} to load ${sample.label} in the background`);
  const started = Date.now();
  let reported = written;
  const onProgress = (more: number): void => {
    const now = written + more;
    if (now - reported < REPORT_EVERY && now < sample.size) return;
    reported = now;
    const percent = Math.floor((now * 100) / sample.size);
    logger.info({ entities: now, of: sample.size, percent }, `loading ${sample.label}`);
  };
  const entities = after(sample.entities(), written);
  await importEntities(registry, keys, { graphId: graph.id, actor: ACTOR, session, entities, onProgress });
  await services.sessions.close(CALLER, { id: session, rollback: false, policy: { default: 'MANUAL' } });
  logger.info({ seconds: Math.round((Date.now() - started) / 1000) }, `${sample.label} is loaded and recorded`);
}

async function begin({ services }: Assembly, { name: graph }: GraphRecord, sample: Sample): Promise<Load> {
  const opening = { graph, name: sample.session, label: sample.label, point: false };
  return { session: await services.sessions.open(CALLER, opening), written: 0 };
}

/** The load that did not come to its end, or null when there is none or the graph is not as it left it. */
async function cutOff(
  { services, sessions, history }: Assembly,
  graph: GraphRecord,
  sample: Sample,
): Promise<Load | null> {
  const session = await sessions.newest(graph.id, sample.session, ACTOR);
  if (session === null || session.closedAt !== null) return null;
  const summary = (await history.sessionSummaries([session.id])).get(session.id);
  const written = summary === undefined ? 0n : summary.nodesCreated + summary.relationshipsCreated;
  const { nodeCount, relationshipCount } = await services.graphs.byId(graph.id);
  if (written === nodeCount + relationshipCount) return { session: session.id, written: Number(written) };
  logger.warn(
    { graph: graph.name },
    `loading ${sample.label} was cut off, and the graph has changed since: left as it is`,
  );
  return null;
}

async function* after(entities: AsyncIterable<EntityState>, skipped: number): AsyncGenerator<EntityState> {
  let position = 0;
  for await (const entity of entities) {
    position += 1;
    if (position > skipped) yield entity;
  }
}
