import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

/**
 * A process of its own with many subscribers to one operation, each over a WebSocket of its own. Tells its parent `ready` once all of them have
 * heard something, and at the end when each event arrived at each of them.
 */
const [, , url = '', id = '', count = '1'] = process.argv;
const subscribers = Number(count);
const QUERY = `subscription ($id: ID!) { operationProgress(id: $id) { seq type message } }`;

interface Delivered {
  readonly operationProgress: { readonly seq: string; readonly type: string; readonly message: string | null };
}

/** Of one event at one subscriber: what it says, and when it came, in milliseconds since 1970. */
export type Arrival = readonly [message: string, at: number];

let heard = 0;
const arrivals: Arrival[] = [];

async function subscribe(): Promise<void> {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazy: true });
  let first = true;
  for await (const { data } of client.iterate<Delivered>({ query: QUERY, variables: { id } })) {
    const at = performance.timeOrigin + performance.now();
    if (first) heard += 1;
    if (first && heard === subscribers) process.send?.('ready');
    first = false;
    const event = data?.operationProgress;
    if (event?.type === 'PROGRESS') arrivals.push([event.message ?? '', at]);
  }
  await client.dispose();
}

await Promise.all(Array.from({ length: subscribers }, subscribe));
process.send?.(arrivals, () => process.disconnect());
