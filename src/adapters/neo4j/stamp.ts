import type { GraphStamp } from '../../ports/knowledge-graph.ts';
import type { Connection } from './connection.ts';
import { rethrow } from './errors.ts';
import { MARKER_LABEL } from './names.ts';
import type { OwnMetadata } from './own-metadata.ts';

/** The stamp is a marker of its own: nothing of the graph, removed when it is detached. */
export function stampIn(connection: Connection, own: OwnMetadata): GraphStamp {
  return {
    async read() {
      const rows = await connection
        .read(`MATCH (m:${MARKER_LABEL} {id: 'stamp'}) RETURN m.text AS text LIMIT 1`)
        .catch(rethrow);
      const text = rows[0]?.text;
      return typeof text === 'string' ? text : null;
    },
    async write(text) {
      const metadata = await own.housekeeping();
      await connection
        .writeOnce(`MERGE (m:${MARKER_LABEL} {id: 'stamp'}) SET m.text = $text`, { text }, { metadata })
        .catch(rethrow);
    },
  };
}
