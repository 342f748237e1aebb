import { type ProxyServer, type ProxyTarget, startProxyServer } from './proxy-server.ts';

/** What becomes of a connection that commits: it goes on, or is cut before, while or after the graph learns of the commit. */
export type CommitFate = 'PASS' | 'CUT_BEFORE' | 'CUT_WHILE' | 'CUT_AFTER';

export interface TcpProxy extends ProxyServer {
  /** Connections that were cut at a commit. */
  readonly cuts: number;
  /** The fates of the next commits in turn; all others pass. */
  next(fates: readonly CommitFate[]): void;
}

/** Bolt's COMMIT: one chunk of two bytes, and the end of the message. */
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12, 0x00, 0x00]);

/** Stands between a driver and a Neo4j and cuts connections where it hurts. */
export async function startTcpProxy(target: ProxyTarget): Promise<TcpProxy> {
  const fates: CommitFate[] = [];
  let cuts = 0;
  const server = await startProxyServer(target, ({ client, upstream, cut }) => {
    let cutAtReply = false;
    client.on('data', (data: Buffer) => {
      const fate = data.includes(COMMIT) ? (fates.shift() ?? 'PASS') : 'PASS';
      if (fate !== 'PASS') cuts += 1;
      if (fate === 'CUT_BEFORE') return cut();
      // Once the bytes are with the system, they reach the graph, whatever becomes of this connection.
      if (fate === 'CUT_WHILE') return void upstream.write(data, cut);
      cutAtReply ||= fate === 'CUT_AFTER';
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (cutAtReply) cut();
      else client.write(data);
    });
  });
  return {
    ...server,
    get cuts() {
      return cuts;
    },
    next(wanted) {
      fates.splice(0, fates.length, ...wanted);
    },
  };
}
