import {
  type BoltMessage,
  BoltReader,
  failure,
  IGNORED,
  isSuccess,
  isSummary,
  type RequestName,
  requestName,
} from './bolt-messages.ts';
import { type ProxiedConnection, type ProxyServer, type ProxyTarget, startProxyServer } from './proxy-server.ts';

/** What a driver asks for. Texts are as they are packed: ASCII in them can be searched for. */
export interface BoltRequest {
  readonly name: RequestName;
  readonly text: string;
  /** The text of the BEGIN of its transaction; of none, empty. */
  readonly begun: string;
  /** The text of the last RUN before it. */
  readonly ran: string;
}

/** What a member of a cluster answers that cannot do what it is asked. */
export interface Refusal {
  readonly code: string;
  readonly to: (request: BoltRequest) => boolean;
  /** How many such requests pass before. */
  readonly after?: number;
  /** How many are refused then; all, unless told. */
  readonly times?: number;
  /** Whether what was asked for is done all the same, and only the answer is a refusal. */
  readonly isDone?: boolean;
}

export interface BoltProxy extends ProxyServer {
  /** Requests that were refused since `refuse`. */
  readonly refused: number;
  /** From now on, instead of what was refused before. */
  refuse(refusal: Refusal): void;
  relent(): void;
}

/** What is owed to the client for a request: the server's own answer, one instead of the server's success, or one that asks nobody. */
type Due = { readonly from: 'server' } | { readonly from: 'both' | 'proxy'; readonly answer: Buffer };

const HANDSHAKE_BYTES = 20;
const VERSION_BYTES = 4;

/** Stands between a driver and a Neo4j, and answers in its place as a member of a cluster does that is not the leader any more. */
export async function startBoltProxy(target: ProxyTarget): Promise<BoltProxy> {
  let refusal: Refusal | null = null;
  let [passed, refused] = [0, 0];
  const decide = (request: BoltRequest): Refusal | null => {
    if (refusal === null || !refusal.to(request)) return null;
    if (passed < (refusal.after ?? 0)) {
      passed += 1;
      return null;
    }
    if (refused >= (refusal.times ?? Number.POSITIVE_INFINITY)) return null;
    refused += 1;
    return refusal;
  };
  const server = await startProxyServer(target, (connection) => new Conversation(connection, decide).begin());
  return {
    ...server,
    get refused() {
      return refused;
    },
    refuse(wanted) {
      refusal = wanted;
      passed = 0;
      refused = 0;
    },
    relent() {
      refusal = null;
    },
  };
}

/** One connection: answers come in the order of the requests, whoever gives them. */
class Conversation {
  readonly #connection: ProxiedConnection;
  readonly #decide: (request: BoltRequest) => Refusal | null;
  readonly #due: Due[] = [];
  #begun = '';
  #ran = '';
  /** Whether the client was told of a failure that the server does not know of. */
  #failed = false;

  constructor(connection: ProxiedConnection, decide: (request: BoltRequest) => Refusal | null) {
    this.#connection = connection;
    this.#decide = decide;
  }

  begin(): void {
    const { client, upstream } = this.#connection;
    const requests = new BoltReader();
    const answers = new BoltReader();
    afterFirst(client, HANDSHAKE_BYTES, {
      // Without the first offer, which is of a handshake of any length.
      first: (offers) => upstream.write(Buffer.from(offers).fill(0, VERSION_BYTES, 2 * VERSION_BYTES)),
      rest: (data) => {
        for (const message of requests.read(data)) this.#asked(message);
      },
    });
    afterFirst(upstream, VERSION_BYTES, {
      first: (version) => client.write(version),
      rest: (data) => {
        for (const message of answers.read(data)) this.#answered(message);
      },
    });
  }

  #asked(message: BoltMessage): void {
    const { upstream } = this.#connection;
    const name = requestName(message);
    const text = message.body.toString('latin1');
    if (name === 'RESET') this.#failed = false;
    const due = name === 'GOODBYE' ? null : this.#dueFor(name, text);
    if (due?.from !== 'proxy') upstream.write(message.raw);
    if (due !== null) this.#due.push(due);
    this.#settle();
  }

  #dueFor(name: RequestName, text: string): Due {
    if (this.#failed) return { from: 'proxy', answer: IGNORED };
    if (name === 'RESET') this.#begun = '';
    if (name === 'BEGIN') this.#begun = text;
    const refusal = this.#decide({ name, text, begun: this.#begun, ran: this.#ran });
    if (name === 'COMMIT') this.#begun = '';
    if (name === 'RUN') this.#ran = text;
    if (refusal === null) return { from: 'server' };
    const isDone = refusal.isDone === true;
    this.#failed = !isDone;
    return { from: isDone ? 'both' : 'proxy', answer: failure(refusal.code, 'this member is not the leader any more') };
  }

  #answered(message: BoltMessage): void {
    const { client } = this.#connection;
    const due = isSummary(message) ? this.#due.shift() : undefined;
    const isReplaced = due?.from === 'both' && isSuccess(message);
    this.#failed ||= isReplaced;
    client.write(isReplaced ? due.answer : message.raw);
    this.#settle();
  }

  #settle(): void {
    for (let [due] = this.#due; due?.from === 'proxy'; [due] = this.#due) {
      this.#connection.client.write(due.answer);
      this.#due.shift();
    }
  }
}

/** Gives so many bytes of what a socket receives to one, and the rest to another. */
function afterFirst(
  socket: ProxiedConnection['client'],
  size: number,
  { first, rest }: { first(data: Buffer): void; rest(data: Buffer): void },
): void {
  let begun: Buffer | null = Buffer.alloc(0);
  socket.on('data', (data: Buffer) => {
    if (begun === null) return rest(data);
    begun = Buffer.concat([begun, data]);
    if (begun.length < size) return;
    const [head, tail] = [begun.subarray(0, size), begun.subarray(size)];
    begun = null;
    first(head);
    rest(tail);
  });
}
