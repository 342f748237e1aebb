import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';
import './mutations/conflicts.ts';
import './mutations/points.ts';
import './mutations/graphs.ts';
import './mutations/rehearsals.ts';
import './mutations/rollbacks.ts';
import './mutations/sessions.ts';
import './mutations/write-graph.ts';
import './subscriptions/subscriptions.ts';
import './types/audit-entry.ts';
import './types/conflict.ts';
import './types/diff.ts';
import './types/entity.ts';
import './types/errors.ts';
import './types/graph.ts';
import './types/operation-plan.ts';
import './types/query.ts';
import './types/rehearsal.ts';
import './types/resolution-rule.ts';
import './types/rollback-operation.ts';
import './types/rollback-point.ts';
import './types/session.ts';
import './types/transaction.ts';
import './types/verification.ts';

builder.mutationType();

/** The whole schema; data and services come with each request's context. */
export const schema: GraphQLSchema = builder.toSchema();
