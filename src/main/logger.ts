import pino from 'pino';

/** Lines of JSON on stderr. Statements, values and addresses with passwords never go in: messages are ours, errors are reduced. */
export const logger = pino(
  { name: 'palinode', level: process.env.LOG_LEVEL ?? 'info' },
  pino.destination({ dest: 2, sync: true }),
);

/** What of an error may be written down. */
export function reduced(error: unknown): { message: string; stack?: string | undefined } {
  return error instanceof Error ? { message: error.message, stack: error.stack } : { message: String(error) };
}
