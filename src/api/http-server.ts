import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiDependencies } from './graphql/dependencies.ts';
import type { ErrorReport } from './graphql/errors.ts';
import type { QueryLimits } from './graphql/limits/use-limits.ts';
import { type SocketLimits, serveWebSockets } from './graphql/websockets.ts';
import { createGraphql, GRAPHQL_PATH } from './graphql/yoga.ts';
import { pathOf } from './request-path.ts';

export interface HttpServerOptions {
  readonly dependencies: ApiDependencies;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether the stores answer and migrations are applied. */
  readonly ready: () => Promise<boolean>;
  readonly report: ErrorReport;
  /** GraphiQL with example operations. */
  readonly explorer: boolean;
  readonly maxBodyBytes?: number;
  /** A reader of a subscription that takes nothing for this long is cut off. */
  readonly stallMs?: number;
  readonly queries?: QueryLimits;
  readonly sockets?: SocketLimits;
}

export interface HttpServer {
  readonly url: string;
  /** Takes no new work, lets running requests end, closes subscriptions so that they can be resumed. Ends within `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

const MAX_BODY = 16 * 1024 * 1024;
const STALL_MS = 10_000;
const GRACE_MS = 8000;
/** Connections without any traffic; streams send something every 12 s unless their reader has stopped, and requests are answered before it. */
const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 5000;

/** GraphQL over HTTP, SSE and WebSocket on one path, and the two probes. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const draining = new AbortController();
  const graphql = createGraphql({
    dependencies: options.dependencies,
    streams: { stallMs: options.stallMs ?? STALL_MS, draining: draining.signal },
    report: options.report,
    explorer: options.explorer,
    ...(options.queries && { limits: options.queries }),
  });
  const maxBody = options.maxBodyBytes ?? MAX_BODY;
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    if (path === '/healthz') return answer(response, 200, { status: 'ok' });
    if (path === '/readyz') return void probe(response, options.ready, draining.signal.aborted);
    if (path !== GRAPHQL_PATH) return answer(response, 404, refusal('NOT_FOUND', 'there is nothing here'));
    if (draining.signal.aborted) return answer(response, 503, refusal('GOING_AWAY', 'the service is stopping'));
    const problem = bodyProblem(request, maxBody);
    if (problem !== null) return answer(response, problem.status, refusal(problem.code, problem.message));
    void graphql(request, response, { req: request });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  server.setTimeout(IDLE_MS);
  const sockets = serveWebSockets(server, graphql, options.sockets);
  await listen(server, options.port, options.host);
  // A TCP server has an address object.
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    async close(graceMs = GRACE_MS) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Subscriptions end with where to resume, over sockets that are open yet.
      draining.abort();
      await sockets.close(Math.min(2000, graceMs));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      await graphql.dispose();
    },
  };
}

interface BodyProblem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Only JSON: other types can be sent by any web page without the browser asking first. */
function bodyProblem({ method, headers }: IncomingMessage, maxBytes: number): BodyProblem | null {
  if (method !== 'POST') return null;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    return { status: 415, code: 'INVALID_INPUT', message: 'the body must be application/json' };
  }
  const length = headers['content-length'];
  if (length === undefined) return { status: 411, code: 'INVALID_INPUT', message: 'the body needs a content-length' };
  if (Number(length) <= maxBytes) return null;
  return { status: 413, code: 'LIMIT_EXCEEDED', message: `the body must not be larger than ${maxBytes} bytes` };
}

async function probe(response: ServerResponse, ready: () => Promise<boolean>, draining: boolean): Promise<void> {
  const isReady = !draining && (await ready().catch(() => false));
  answer(response, isReady ? 200 : 503, { status: isReady ? 'ready' : draining ? 'stopping' : 'not ready' });
}

function refusal(code: string, message: string): object {
  return { errors: [{ message, extensions: { code } }] };
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  // A body that was not read must not stay in the connection.
  if (status >= 400) response.shouldKeepAlive = false;
  response.end(text);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
