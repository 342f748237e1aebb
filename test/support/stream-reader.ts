import { type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';
import type { Answered } from './graphql-client.ts';

export type Transport = 'ws' | 'sse';

/** A subscription on a connection of its own, down to the socket: it can stop reading, go on, and be cut. */
export interface StreamReader {
  /** What has arrived so far. */
  readonly received: readonly Answered[];
  /** Resolves when at least `count` have arrived. */
  until(count: number): Promise<void>;
  /** Resolves when the server has ended the subscription, with everything that arrived. */
  ended(): Promise<readonly Answered[]>;
  /** Takes nothing from the network any more. */
  pause(): void;
  resume(): void;
  /** Cuts the connection without a word. */
  cut(): void;
}

export function openStream(
  over: Transport,
  origin: string,
  query: string,
  variables: Record<string, unknown> = {},
): StreamReader {
  const inbox = new Inbox();
  const url = `${origin}/graphql`;
  return over === 'ws' ? overSocket(inbox, url, { query, variables }) : overHttp(inbox, url, { query, variables });
}

class Inbox {
  readonly received: Answered[] = [];
  #over = false;
  #waiting: (() => void)[] = [];

  add(message: Answered): void {
    this.received.push(message);
    this.#wake();
  }

  end(): void {
    this.#over = true;
    this.#wake();
  }

  async until(count: number): Promise<void> {
    while (this.received.length < count) {
      if (this.#over)
        throw new Error(`ended after ${this.received.length} of ${count}: ${JSON.stringify(this.received.at(-1))}`);
      await this.#next();
    }
  }

  async ended(): Promise<readonly Answered[]> {
    while (!this.#over) await this.#next();
    return this.received;
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function overSocket(inbox: Inbox, url: string, payload: object): StreamReader {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
  socket.on('error', () => inbox.end());
  socket.on('close', () => inbox.end());
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })));
  socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    else if (message.type === 'next') inbox.add(message.payload);
    else if (message.type === 'error') inbox.add({ data: null, errors: message.payload });
    if (message.type === 'error' || message.type === 'complete') {
      inbox.end();
      socket.close();
    }
  });
  return {
    received: inbox.received,
    until: (count) => inbox.until(count),
    ended: () => inbox.ended(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    cut: () => socket.terminate(),
  };
}

function overHttp(inbox: Inbox, url: string, payload: object): StreamReader {
  const body = JSON.stringify(payload);
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'content-length': Buffer.byteLength(body),
  };
  let answer: IncomingMessage | null = null;
  const asked = request(url, { method: 'POST', headers, agent: false }, (response) => {
    answer = response;
    let text = '';
    const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n\n'); isStream && end >= 0; end = text.indexOf('\n\n')) {
        const event = text.slice(0, end);
        text = text.slice(end + 2);
        const data = event.split('\n').flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trim()] : []));
        if (event.includes('event: next')) inbox.add(JSON.parse(data.join('\n')));
        if (event.includes('event: complete')) inbox.end();
      }
    });
    response.on('error', () => inbox.end());
    response.on('close', () => {
      if (!isStream && text !== '') inbox.add(JSON.parse(text));
      inbox.end();
    });
  });
  asked.on('error', () => inbox.end());
  asked.end(body);
  return {
    received: inbox.received,
    until: (count) => inbox.until(count),
    ended: () => inbox.ended(),
    pause: () => answer?.pause(),
    resume: () => answer?.resume(),
    cut: () => asked.destroy(),
  };
}
