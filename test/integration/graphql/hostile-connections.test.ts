import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { engines } from '../../support/engines.ts';
import { openStreamWorld, type StreamWorld } from '../../support/stream-world.ts';

const [pglite] = engines;
let world: StreamWorld;
beforeAll(async () => {
  if (pglite === undefined) throw new Error('no engine');
  world = await openStreamWorld(await pglite[1](), 'ws');
});
afterAll(() => world.close());

const UPGRADE = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

/** The first line of the answer to a request that is sent as it stands. */
function answerTo(target: string, headers: string): Promise<string> {
  const { hostname, port } = new URL(world.service.http.url);
  const socket = connect(Number(port), hostname);
  const connection = headers === '' ? 'close' : 'Upgrade';
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n${headers}\r\n`);
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
  });
}

const targets = ['//', '///', '/\\', 'http://', 'http://[', '//[::', '*'];
test.each(targets.flatMap((target) => [[target, ''] as const, [target, UPGRADE] as const]))(
  'a request for %s, upgrade: %j, is not found, and the service goes on',
  async (target, headers) => {
    expect(await answerTo(target, headers)).toBe('HTTP/1.1 404 Not Found');
    expect(await world.service.client.data('{ graph(name: "demo") { name } }')).toEqual({ graph: { name: 'demo' } });
  },
);

test('a document that cannot be read ends itself, not the other subscriptions of its socket', async () => {
  const socket = new WebSocket(`${world.service.http.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const received: { type: string; id?: string; payload?: unknown }[] = [];
  const closed: number[] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data))));
  socket.on('close', (code) => closed.push(code));
  const send = (message: object) => socket.send(JSON.stringify(message));
  const subscribe = (id: string, query: string) => send({ id, type: 'subscribe', payload: { query } });
  const message = async (holds: (one: (typeof received)[number]) => boolean) => {
    for (;;) {
      expect(closed).toEqual([]);
      const found = received.find(holds);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await new Promise((resolve) => socket.once('open', resolve));
  send({ type: 'connection_init' });
  await message(({ type }) => type === 'connection_ack');
  await world.write();
  const transactions = 'subscription { graphTransactions(graph: "demo", after: "0") { seq } }';
  subscribe('good', transactions);
  await message(({ id, type }) => id === 'good' && type === 'next');
  const refused = {
    syntax: 'subscription {',
    field: 'subscription { nothing }',
    aliases: `{ ${Array.from({ length: 31 }, (_, n) => `a${n}: graphs { name }`).join(' ')} }`,
  };
  for (const [id, query] of Object.entries(refused)) {
    const code = await world.service.client.code(query);
    expect(code).toMatch(/^[A-Z_]+$/);
    subscribe(id, query);
    const { type, payload } = await message((one) => one.id === id);
    expect({ type, payload }).toMatchObject({ type: 'error', payload: [{ extensions: { code } }] });
  }
  const seq = await world.write();
  await message(
    ({ id, type, payload }) => id === 'good' && type === 'next' && JSON.stringify(payload).includes(`"${seq}"`),
  );
  socket.close();
  expect(world.service.reported).toEqual([]);
});
