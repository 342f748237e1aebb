import type { ExecutionArgs } from 'graphql';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { codedError } from '../errors.ts';
import { costOf, MAX_COST } from './cost.ts';
import { checkDocument, DOCUMENT_LIMITS, type DocumentLimits } from './document-limits.ts';

export interface QueryLimits {
  readonly document: DocumentLimits;
  readonly cost: number;
}

export const QUERY_LIMITS: QueryLimits = { document: DOCUMENT_LIMITS, cost: MAX_COST };

/** Refuses what would cost too much: by the document's form after parsing, by its coerced variables before execution. */
export function useLimits({ document, cost }: QueryLimits = QUERY_LIMITS): Plugin {
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
    onExecute({ args, setResultAndStopExecution }) {
      const error = tooCostly(args, cost);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const error = tooCostly(args, cost);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
  };
}

function tooCostly(args: ExecutionArgs, limit: number): GraphQLError | null {
  const cost = costOf(args);
  if (cost <= limit) return null;
  return codedError('TOO_COMPLEX', `the query may answer ${cost} fields, at most ${limit}: ask for smaller pages`, {
    cost,
    limit,
  });
}
