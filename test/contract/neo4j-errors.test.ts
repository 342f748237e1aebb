import { describe, expect, test } from '@jest/globals';
import { Neo4jError } from 'neo4j-driver';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { isRetryable, isUnanswered, SilentServerError, toGraphError } from '../../src/adapters/neo4j/errors.ts';
import { ConstraintError } from '../../src/core/errors.ts';
import { GraphError } from '../../src/ports/graph-error.ts';

const failed = (code: string): Neo4jError => new Neo4jError('it failed', code, '50N42', 'failed');

describe('failures of Neo4j', () => {
  test.each([
    ['a deadlock', 'Neo.TransientError.Transaction.DeadlockDetected'],
    ['a leader that went', 'Neo.ClientError.Cluster.NotALeader'],
    ['a member that only reads', 'Neo.ClientError.General.ForbiddenOnReadOnlyDatabase'],
    ['a leader that went while it was written to', 'Neo.TransientError.Transaction.LeaderSwitch'],
    ['a leader that came back meanwhile', 'Neo.TransientError.Transaction.LeaseExpired'],
    ['a leader whose followers went', 'Neo.TransientError.Cluster.ReplicationFailure'],
    ['a database that is starting', 'Neo.TransientError.General.DatabaseUnavailable'],
    // Both as the driver names them, whatever the server said.
    ['a lock that was taken away', 'Neo.ClientError.Transaction.LockClientStopped'],
    ['a transaction that an administrator ended', 'Neo.ClientError.Transaction.Terminated'],
    ['an entity that went while it was read', 'Neo.ClientError.Statement.EntityNotFound'],
    ['a lost connection', 'ServiceUnavailable'],
    ['a session whose server went', 'SessionExpired'],
  ])('%s passes', (_, code) => {
    expect(isRetryable(failed(code))).toBe(true);
    expect(toGraphError(failed(code))).toMatchObject({ name: 'GraphError', code, retryable: true });
  });

  test.each([
    'Neo.ClientError.Statement.SyntaxError',
    'Neo.ClientError.Schema.ConstraintValidationFailed',
    'Neo.ClientError.Security.Unauthorized',
    // Our own bound too: nothing tells a wait for others' locks from too much to do, which would take as long again and keep locks meanwhile.
    'Neo.ClientError.Transaction.TransactionTimedOut',
    'Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration',
    'Neo.DatabaseError.General.UnknownError',
  ])('%s does not', (code) => {
    expect(isRetryable(failed(code))).toBe(false);
  });

  test('only a refusal by the server says that a commit did not take place', () => {
    for (const code of [
      'ServiceUnavailable',
      'SessionExpired',
      'ProtocolError',
      'N/A',
      'Neo.DatabaseError.Transaction.TransactionCommitFailed',
      'Neo.TransientError.Cluster.ReplicationFailure',
    ])
      expect(isUnanswered(failed(code))).toBe(true);
    expect(isUnanswered(new SilentServerError())).toBe(true);
    expect(isUnanswered(failed('Neo.ClientError.Schema.ConstraintValidationFailed'))).toBe(false);
    expect(isUnanswered(failed('Neo.TransientError.Transaction.DeadlockDetected'))).toBe(false);
    expect(isUnanswered(failed('Neo.ClientError.Cluster.NotALeader'))).toBe(false);
    expect(isUnanswered(failed('Neo.TransientError.Transaction.LeaseExpired'))).toBe(false);
    expect(isUnanswered(new ConstraintError('no', 'key'))).toBe(false);
  });

  test('a driver without a free connection passes, and has waited long enough itself', () => {
    const exhausted = new Neo4jError('Connection acquisition timed out in 30000 ms. Pool status: ...', 'N/A', '', '');
    expect(isRetryable(exhausted)).toBe(false);
    expect(toGraphError(exhausted)).toMatchObject({ name: 'GraphError', code: 'N/A', retryable: true });
    expect(toGraphError(failed('N/A'))).toMatchObject({ retryable: false });
  });

  test('a password is in no message', async () => {
    const connection = new Connection(
      { url: 'bolt://127.0.0.1:1', user: 'neo4j', password: 'correct horse' },
      { attempts: 1, connectTimeoutMs: 2000 },
    );
    const error = toGraphError(await connection.read('RETURN 1').catch((reason: unknown) => reason));
    expect(error).toBeInstanceOf(GraphError);
    const { message, stack, cause } = error instanceof GraphError ? error : new Error('no error');
    expect(`${message} ${stack} ${JSON.stringify(cause)}`).not.toContain('correct horse');
    await connection.close();
  });
});
