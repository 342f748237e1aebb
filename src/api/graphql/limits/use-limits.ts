import type { ExecutionArgs, ExecutionResult } from 'graphql';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { codedError } from '../errors.ts';
import { costOf, MAX_COST } from './cost.ts';
import { checkDocument, DOCUMENT_LIMITS, type DocumentLimits } from './document-limits.ts';

export interface QueryLimits {
  readonly document: DocumentLimits;
  readonly cost: number;
  /** How long a query or mutation is waited for. */
  readonly requestMs: number;
}

/** Answers come before a connection without traffic is cut, see http-server.ts. */
export const QUERY_LIMITS: QueryLimits = { document: DOCUMENT_LIMITS, cost: MAX_COST, requestMs: 55_000 };

/**
 * Refuses what would cost too much, by the document's form after parsing and by its coerced variables before execution, and answers for what
 * takes too long.
 */
export function useLimits({ document, cost, requestMs }: QueryLimits = QUERY_LIMITS): Plugin {
  return {
    onParse({ params }) {
      params.options = { ...params.options, maxTokens: document.tokens };
      return ({ result, replaceParseResult }) => {
        if (result === null || result instanceof Error) return;
        try {
          checkDocument(result, document);
        } catch (error) {
          if (!(error instanceof GraphQLError)) throw error;
          replaceParseResult(error);
        }
      };
    },
    onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const error = tooCostly(args, cost);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
      else setExecuteFn((these) => answerWithin(requestMs, () => executeFn(these)));
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const error = tooCostly(args, cost);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
  };
}

/** What was begun goes on: nobody is left without an answer because of it. */
async function answerWithin<Result>(ms: number, execute: () => Result): Promise<Awaited<Result> | ExecutionResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ExecutionResult>((resolve) => {
    timer = setTimeout(() => resolve({ errors: [tookTooLong(ms)] }), ms);
  });
  try {
    return await Promise.race([execute(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function tookTooLong(ms: number): GraphQLError {
  const message = `there is no answer after ${ms / 1000} s, and it is not waited for any longer: a mutation may still take effect, and tells how it ended when it is sent again with its idempotencyKey; a query should ask for less`;
  return codedError('TIMEOUT', message, { limitMs: ms });
}

function tooCostly(args: ExecutionArgs, limit: number): GraphQLError | null {
  const cost = costOf(args);
  if (cost <= limit) return null;
  return codedError('TOO_COMPLEX', `the query may answer ${cost} fields, at most ${limit}: ask for smaller pages`, {
    cost,
    limit,
  });
}
