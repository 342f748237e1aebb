import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';

// Answers have the shape that the query asked for; a test that expects another fails where it looks at it.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Answer = any;

export interface Answered {
  readonly data: Answer;
  readonly errors?: readonly { message: string; path?: readonly unknown[]; extensions: Record<string, Answer> }[];
}

/** The API as its clients speak to it. */
export interface TestClient {
  /** One request over HTTP. */
  request(query: string, variables?: Record<string, unknown>): Promise<Answered>;
  /** The data of a request that must succeed. */
  data(query: string, variables?: Record<string, unknown>): Promise<Answer>;
  /** The code of the first error of a request that must fail. */
  code(query: string, variables?: Record<string, unknown>): Promise<unknown>;
  /** Everything that a subscription delivers, over one of the two transports. */
  follow(over: 'ws' | 'sse', query: string, variables?: Record<string, unknown>): AsyncIterableIterator<Answered>;
}

export function connectTo(origin: string): TestClient {
  const url = `${origin}/graphql`;
  const client: TestClient = {
    async request(query, variables = {}) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      // Yoga answers JSON, whatever the status. Read by the mended JSON.parse, which `json()` does not use.
      return JSON.parse(await response.text()) as Answered;
    },
    async data(query, variables) {
      const { data, errors } = await client.request(query, variables);
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      return data;
    },
    async code(query, variables) {
      const { errors } = await client.request(query, variables);
      return errors?.[0]?.extensions.code;
    },
    follow(over, query, variables = {}) {
      // The two clients' results differ only in how their errors are typed.
      const iterator =
        over === 'sse'
          ? createSseClient({ url, retryAttempts: 0 }).iterate({ query, variables })
          : createSocketClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 }).iterate({
              query,
              variables,
            });
      return iterator as unknown as AsyncIterableIterator<Answered>;
    },
  };
  return client;
}
