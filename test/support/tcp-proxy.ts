import { connect, createServer, type Socket } from 'node:net';

/** What becomes of a connection that commits: it goes on, or is cut before, while or after the graph learns of the commit. */
export type CommitFate = 'PASS' | 'CUT_BEFORE' | 'CUT_WHILE' | 'CUT_AFTER';

export interface TcpProxy {
  readonly port: number;
  /** Connections that were cut at a commit. */
  readonly cuts: number;
  /** The fates of the next commits in turn; all others pass. */
  next(fates: readonly CommitFate[]): void;
  /** Cuts every open connection. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Bolt's COMMIT: one chunk of two bytes, and the end of the message. */
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12, 0x00, 0x00]);

/** Stands between a driver and a Neo4j and cuts connections where it hurts. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const fates: CommitFate[] = [];
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target);
    let cutAtReply = false;
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
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
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    get cuts() {
      return cuts;
    },
    next(wanted) {
      fates.splice(0, fates.length, ...wanted);
    },
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
