import { readWordNet, WORDNET_SIZE } from '../adapters/wordnet/wordnet.ts';
import type { GraphRecord } from '../ports/history.ts';
import { importEntities } from '../services/graph-import.ts';
import type { Assembly } from './assemble.ts';
import { logger } from './logger.ts';

const TOTAL = WORDNET_SIZE.nodes + WORDNET_SIZE.relationships;
const ACTOR = 'palinode';
const CALLER = { actor: ACTOR, ip: null, userAgent: null };
const REPORT_EVERY = 50_000;

/**
 * Loads WordNet into a graph that has never been written to, as one session, so that the load can be undone like anything else. A load
 * that was cut off by a crash is not taken up again: the graph is no longer empty, and what is there is the user's to keep or undo.
 */
export async function loadSample({ services, registry, keys }: Assembly, graph: GraphRecord): Promise<void> {
  await registry.get(graph.id).recorder.fence();
  const { head } = await services.graphs.byId(graph.id);
  if (head.seq > 0n) return;
  logger.info({ graph: graph.name, entities: TOTAL }, 'loading the WordNet sample in the background');
  const session = await services.sessions.open(CALLER, {
    graph: graph.name,
    name: 'wordnet',
    label: 'the WordNet 3.1 sample',
    point: false,
  });
  const started = Date.now();
  let reported = 0;
  const onProgress = (written: number): void => {
    if (written - reported < REPORT_EVERY && written < TOTAL) return;
    reported = written;
    logger.info({ entities: written, of: TOTAL, percent: Math.floor((written * 100) / TOTAL) }, 'loading WordNet');
  };
  await importEntities(registry, keys, {
    graphId: graph.id,
    actor: ACTOR,
    session,
    entities: readWordNet(),
    onProgress,
  });
  await services.sessions.close(CALLER, { id: session, rollback: false, policy: { default: 'MANUAL' } });
  logger.info({ seconds: Math.round((Date.now() - started) / 1000) }, 'WordNet is loaded and recorded');
}
