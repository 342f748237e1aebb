import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DocumentNode, type ExecutionArgs, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { pathOf } from '../request-path.ts';
import { GRAPHQL_PATH, type GraphqlHandler } from './yoga.ts';

export interface SocketLimits {
  readonly connections: number;
  readonly subscriptionsPerSocket: number;
  readonly messageBytes: number;
  /** A socket that does not answer a ping for this long is closed. */
  readonly keepAliveMs: number;
}

export const SOCKET_LIMITS: SocketLimits = {
  connections: 2000,
  subscriptionsPerSocket: 100,
  messageBytes: 1024 * 1024,
  keepAliveMs: 12_000,
};

/** How long subscriptions that are over with the service's stop may take to tell where to resume, in milliseconds. */
const LAST_WORDS_MS = 500;
const LOOK_AGAIN_MS = 10;

export interface Sockets {
  /**
   * Lets subscriptions that end by themselves say their last, then tells every client to come back later (1001) and waits for them to go, at most
   * `graceMs`.
   */
  close(graceMs: number): Promise<void>;
}

type Enveloped = ReturnType<GraphqlHandler['getEnveloped']>;
type WithEnvelope = ExecutionArgs & { readonly rootValue: Pick<Enveloped, 'execute' | 'subscribe'> };

/**
 * The graphql-transport-ws protocol on the path of the HTTP door. The next event of a subscription is read only once the socket has
 * passed the last one on to the network, so a client that stops reading holds one event, not a growing buffer.
 */
export function serveWebSockets(
  server: Server,
  graphql: GraphqlHandler,
  limits: SocketLimits = SOCKET_LIMITS,
): Sockets {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: limits.messageBytes, perMessageDeflate: false });
  const connected = new Set<{ readonly subscriptions: object }>();
  const areDone = (): boolean => [...connected].every(({ subscriptions }) => Object.keys(subscriptions).length === 0);
  let closing = false;
  useServer(
    {
      // The functions of the request, put there by onSubscribe.
      execute: (args) => (args as unknown as WithEnvelope).rootValue.execute(args),
      subscribe: (args) => (args as unknown as WithEnvelope).rootValue.subscribe(args),
      connectionInitWaitTimeout: 5000,
      onConnect: (context) => void connected.add(context),
      onClose: (context) => void connected.delete(context),
      async onSubscribe({ extra, subscriptions }, _id, payload) {
        if (Object.keys(subscriptions).length > limits.subscriptionsPerSocket) {
          const extensions = { code: 'LIMIT_EXCEEDED', limit: limits.subscriptionsPerSocket };
          return [new GraphQLError('too many subscriptions on this connection', { extensions })];
        }
        const params = {
          query: payload.query,
          variables: payload.variables ?? {},
          operationName: payload.operationName ?? '',
        };
        const { schema, execute, subscribe, contextFactory, parse, validate } = graphql.getEnveloped({
          req: extra.request,
          params,
        });
        const document = parsed(parse, payload.query);
        if (document instanceof GraphQLError) return [document];
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        return {
          schema,
          document,
          operationName: payload.operationName ?? null,
          variableValues: payload.variables ?? null,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        };
      },
    },
    sockets,
    limits.keepAliveMs,
  );
  server.on('upgrade', (request, socket, head) => {
    const refusal = refuse(request, closing || sockets.clients.size >= limits.connections);
    if (refusal !== null) return reject(socket, refusal);
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  });
  return {
    async close(graceMs) {
      closing = true;
      const deadline = Date.now() + Math.min(LAST_WORDS_MS, graceMs);
      while (!areDone() && Date.now() < deadline) await sleep(LOOK_AGAIN_MS);
      const gone = [...sockets.clients].map((client) => new Promise((resolve) => client.once('close', resolve)));
      for (const client of sockets.clients) client.close(1001, 'Going away');
      const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([Promise.all(gone), grace]);
      for (const client of sockets.clients) client.terminate();
    },
  };
}

/** The document, or why it is none: thrown, that would end every subscription on the connection. */
function parsed(parse: Enveloped['parse'], query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    // As over HTTP.
    error.extensions.code ??= 'GRAPHQL_PARSE_FAILED';
    return error;
  }
}

/** Why a request for a socket is refused, as an HTTP status, or null. Browsers may only come from the service's own pages. */
function refuse({ url, headers }: IncomingMessage, full: boolean): string | null {
  if (pathOf(url) !== GRAPHQL_PATH) return '404 Not Found';
  if (full) return '503 Service Unavailable';
  if (headers.origin === undefined) return null;
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host ? null : '403 Forbidden';
}

function reject(socket: Duplex, status: string): void {
  socket.once('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
