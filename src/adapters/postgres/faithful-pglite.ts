import { PGlite } from '@electric-sql/pglite';

type Stream = PGlite['execProtocolStream'];

/** U+FEFF in UTF-8. */
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const DATA_ROW = 'D'.charCodeAt(0);
/** The type of a message, and its length, which counts itself. */
const TYPE_BYTES = 1;
const LENGTH_BYTES = 4;

/**
 * PGlite reads each value of an answer as if it were a file: a U+FEFF at its beginning is taken for a byte order mark and dropped. Here it is
 * put back, from the bytes of the answer. They are looked through once; only where there is such a mark are its rows read again.
 */
export class FaithfulPglite extends PGlite {
  override async execProtocolStream(...[message, options]: Parameters<Stream>): ReturnType<Stream> {
    const { messages, data } = await this.execProtocol(message, options);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (bytes.includes(MARK)) putMarksBack(messages, bytes);
    return messages;
  }
}

function putMarksBack(messages: Awaited<ReturnType<Stream>>, bytes: Buffer): void {
  let row = 0;
  const rows = messages.filter((message) => message.name === 'dataRow');
  for (let at = 0; at < bytes.length; at += TYPE_BYTES + bytes.readInt32BE(at + TYPE_BYTES)) {
    if (bytes[at] !== DATA_ROW) continue;
    const message = rows[row];
    row += 1;
    // Messages of this name carry the values of a row as text.
    if (message !== undefined && 'fields' in message) mend(message.fields as (string | null)[], bytes, at);
  }
}

/** The message of a row: type, length, how many values, and each with its length, -1 for none. */
function mend(fields: (string | null)[], bytes: Buffer, message: number): void {
  let at = message + TYPE_BYTES + LENGTH_BYTES + 2;
  for (const [index, field] of fields.entries()) {
    const length = bytes.readInt32BE(at);
    at += LENGTH_BYTES;
    if (length < 0) continue;
    if (field !== null && bytes.subarray(at, at + MARK.length).equals(MARK)) fields[index] = `\ufeff${field}`;
    at += length;
  }
}
