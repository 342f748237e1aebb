/** As much of Bolt as is needed to answer in a server's place. */

export type RequestName = 'BEGIN' | 'RUN' | 'PULL' | 'COMMIT' | 'RESET' | 'GOODBYE' | 'OTHER';

const REQUESTS: ReadonlyMap<number, RequestName> = new Map([
  [0x02, 'GOODBYE'],
  [0x0f, 'RESET'],
  [0x10, 'RUN'],
  [0x11, 'BEGIN'],
  [0x12, 'COMMIT'],
  [0x3f, 'PULL'],
]);
const SUCCESS = 0x70;
const RECORD = 0x71;
const IGNORED_TAG = 0x7e;
const FAILURE = 0x7f;

export interface BoltMessage {
  /** The message itself: a structure of PackStream, whose second byte says what it is. */
  readonly body: Buffer;
  /** As it was on the wire, in its chunks. */
  readonly raw: Buffer;
}

/** Makes messages of what comes in pieces of any size. */
export class BoltReader {
  #rest: Buffer = Buffer.alloc(0);

  *read(data: Buffer): Generator<BoltMessage> {
    this.#rest = Buffer.concat([this.#rest, data]);
    const chunks: Buffer[] = [];
    for (let at = 0; at + 2 <= this.#rest.length; ) {
      const size = this.#rest.readUInt16BE(at);
      if (at + 2 + size > this.#rest.length) return;
      chunks.push(this.#rest.subarray(at + 2, at + 2 + size));
      at += 2 + size;
      if (size > 0) continue;
      const [body, raw] = [Buffer.concat(chunks), this.#rest.subarray(0, at)];
      this.#rest = this.#rest.subarray(at);
      chunks.length = 0;
      at = 0;
      // An end of nothing is a sign of life, which is not passed on.
      if (body.length > 0) yield { body, raw };
    }
  }
}

export function requestName({ body }: BoltMessage): RequestName {
  return REQUESTS.get(body[1] ?? 0) ?? 'OTHER';
}

/** Whether nothing more comes in answer to the same request. */
export function isSummary({ body }: BoltMessage): boolean {
  return body[1] !== RECORD;
}

export function isSuccess({ body }: BoltMessage): boolean {
  return body[1] === SUCCESS;
}

/** What a server answers that has failed, until it is reset. */
export const IGNORED: Buffer = framed(Buffer.from([0xb0, IGNORED_TAG]));

/** The code under both of its names: it changed with Bolt 5.7. */
export function failure(code: string, message: string): Buffer {
  const status = { gql_status: '50N42', description: 'error: general processing exception' };
  return framed(Buffer.concat([Buffer.from([0xb1, FAILURE]), packed({ code, neo4j_code: code, message, ...status })]));
}

/** A PackStream map of texts. */
function packed(texts: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(texts);
  return Buffer.concat([Buffer.from([0xa0 | entries.length]), ...entries.flat().map(packedText)]);
}

function packedText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([0xd0, bytes.length]), bytes]);
}

function framed(body: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(body.length);
  return Buffer.concat([size, body, Buffer.alloc(2)]);
}
