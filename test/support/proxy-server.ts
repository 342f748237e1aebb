import { connect, createServer, type Socket } from 'node:net';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** One connection through a proxy, which passes on what it likes. */
export interface ProxiedConnection {
  readonly client: Socket;
  readonly upstream: Socket;
  cut(): void;
}

export interface ProxyServer {
  readonly port: number;
  /** Cuts every open connection. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Listens in a server's place, and opens a connection to it for each that is made. */
export async function startProxyServer(
  target: ProxyTarget,
  connected: (connection: ProxiedConnection) => void,
): Promise<ProxyServer> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
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
    connected({ client, upstream, cut });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cutAll,
    async close() {
      cutAll();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
