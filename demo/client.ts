import { createClient } from 'graphql-sse';

/** A minimal GraphQL client for the story: one request, or one subscription over SSE. */
export interface Client {
  request<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  follow<T>(query: string, variables: Record<string, unknown>): AsyncIterable<T>;
}

export function connect(url: string): Client {
  const sse = createClient({ url, retryAttempts: 0 });
  return {
    async request<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      // The shape is what the query asked for; errors are checked right below.
      const body = (await response.json()) as { data?: T; errors?: { message: string }[] };
      if (body.errors !== undefined || body.data === undefined) {
        throw new Error(body.errors?.map((e) => e.message).join('; ') ?? `HTTP ${response.status}`);
      }
      return body.data;
    },
    async *follow<T>(query: string, variables: Record<string, unknown>): AsyncIterable<T> {
      for await (const result of sse.iterate<T>({ query, variables })) {
        if (result.errors !== undefined) throw new Error(result.errors.map((e) => e.message).join('; '));
        if (result.data !== null && result.data !== undefined) yield result.data;
      }
    },
  };
}

/** The object inside a mutation's result union, or an exception with the typed error's words. */
export function expectObject<T extends { __typename: string }>(
  result: T | { __typename: string; message?: string },
): T {
  if ('message' in result && result.__typename.endsWith('Error'))
    throw new Error(`${result.__typename}: ${result.message}`);
  // Not an error member, so it is the union's object.
  return result as T;
}
