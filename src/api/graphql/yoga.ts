import type { IncomingMessage } from 'node:http';
import { createYoga, type GraphQLParams, type YogaServerInstance } from 'graphql-yoga';
import { type ApiContext, createContext, type StreamLimits } from './context.ts';
import type { ApiDependencies } from './dependencies.ts';
import { type ErrorReport, maskError } from './errors.ts';
import { EXAMPLES } from './examples.ts';
import { QUERY_LIMITS, type QueryLimits, useLimits } from './limits/use-limits.ts';
import { schema } from './schema.ts';

export const GRAPHQL_PATH = '/graphql';

/** What a transport hands over with each request. */
export interface TransportContext {
  readonly req?: IncomingMessage;
  readonly params?: GraphQLParams;
}

export interface GraphqlOptions {
  readonly dependencies: ApiDependencies;
  readonly streams: StreamLimits;
  readonly report: ErrorReport;
  /** GraphiQL with the example operations. */
  readonly explorer: boolean;
  readonly limits?: QueryLimits;
}

export type GraphqlHandler = YogaServerInstance<TransportContext, ApiContext>;

/** GraphQL over HTTP and SSE; WebSockets run through the same instance, see websockets.ts. */
export function createGraphql({ dependencies, streams, report, explorer, limits }: GraphqlOptions): GraphqlHandler {
  return createYoga<TransportContext, ApiContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: ({ req }) => createContext(dependencies, originOf(req), streams),
    maskedErrors: { maskError: (error) => maskError(error, report) },
    plugins: [useLimits(limits ?? QUERY_LIMITS)],
    graphiql: explorer ? { title: 'Palinode', defaultTabs: EXAMPLES.map((tab) => ({ ...tab })) } : false,
    landingPage: false,
    batching: false,
    multipart: false,
    cors: false,
    logging: false,
  });
}

/** Forwarded headers are not trusted: the address is the peer's. */
function originOf(request: IncomingMessage | undefined): { ip: string | null; userAgent: string | null } {
  const { 'user-agent': userAgent } = request?.headers ?? {};
  return { ip: request?.socket.remoteAddress ?? null, userAgent: userAgent?.slice(0, 1000) ?? null };
}
