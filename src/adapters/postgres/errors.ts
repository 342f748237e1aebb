import { isNativeError } from 'node:util/types';
import { DatabaseError } from '../../ports/database.ts';

const connectionLost = '08006';
const cannotConnect = '08001';
const socketCodes = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);
const connectCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT']);
const lostMessages = /Connection terminated|Client has encountered a connection error|PGlite is clos/;
const connectMessages = /timeout exceeded when trying to connect|Cannot use a pool after calling end/;

/** Gives an error of either driver its SQLSTATE; anything else is returned as it came. */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof DatabaseError || !isNativeError(error)) return error;
  const code = sqlState(error);
  if (code === undefined) return error;
  return new DatabaseError(error.message || code, code, {
    constraint: text(error, 'constraint'),
    table: text(error, 'table'),
    detail: text(error, 'detail'),
    cause: error,
  });
}

function sqlState(error: Error): string | undefined {
  const code = text(error, 'code');
  if (code !== undefined) {
    if (socketCodes.has(code)) return connectionLost;
    if (connectCodes.has(code)) return cannotConnect;
    if (/^[0-9A-Z]{5}$/.test(code)) return code;
  }
  if (error.name === 'TransactionAbortedError') return '25P02';
  if (lostMessages.test(error.message)) return connectionLost;
  return connectMessages.test(error.message) ? cannotConnect : undefined;
}

function text(error: Error, field: string): string | undefined {
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'string' ? value : undefined;
}
