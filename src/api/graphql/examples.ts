export interface Example {
  readonly query: string;
  /** JSON, to be filled in with what the operations before answered. */
  readonly variables?: string;
}

const session = JSON.stringify({ session: 'id of the session' });
const operation = JSON.stringify({ operation: 'id of the operation' });

/** GraphiQL's tabs: the story of the README, one operation after the other. */
export const EXAMPLES: readonly Example[] = [
  {
    query: `# 1. Pin the present.
mutation Point {
  createRollbackPoint(input: { graph: "demo", name: "before the agent" }) {
    __typename
    ... on RollbackPoint { id name seq nodeCount checksum }
    ... on UserError { code message }
  }
}`,
  },
  {
    query: `# 2. An agent begins.
mutation Session {
  openSession(input: { graph: "demo", name: "agent run", actor: "agent" }) {
    __typename
    ... on Session { id point { id seq } }
    ... on UserError { code message }
  }
}`,
  },
  {
    query: `# 3. And writes.
mutation Write($session: ID!) {
  writeGraph(input: { graph: "demo", session: $session, changes: [
    { putNode: { key: "example:1", labels: ["Example"], set: [{ name: "name", value: "one" }] } }
    { putNode: { key: "example:2", labels: ["Example"], set: [{ name: "name", value: "two" }] } }
    { putRelationship: { type: "KNOWS", start: "example:1", end: "example:2" } }
  ] }) {
    __typename
    ... on GraphWriteSummary { keys transaction { seq changeCount } }
    ... on UserError { code message }
  }
}`,
    variables: session,
  },
  {
    query: `# 4. Who did what?
query Sessions {
  graph(name: "demo") {
    head { seq time }
    sessions(first: 10) { nodes { id name actor present summary { nodesCreated nodesUpdated relationshipsCreated } } }
  }
}`,
  },
  {
    query: `# 5. What differs from the point?
query Diff($point: ID!) {
  graph(name: "demo") {
    diff(from: { point: $point }) {
      from { seq } to { seq }
      summary { nodesCreated nodesUpdated nodesDeleted relationshipsCreated }
      changes(first: 20) { nodes { key action properties { name before { text } after { text } } } }
    }
  }
}`,
    variables: JSON.stringify({ point: 'id of the point' }),
  },
  {
    query: `# 6. What would taking the session back do?
mutation DryRun($session: ID!) {
  rollback(input: { graph: "demo", undo: { by: { session: $session } }, dryRun: true }) {
    __typename
    ... on RollbackOperation { id status }
    ... on UserError { code message }
  }
}`,
    variables: session,
  },
  {
    query: `query Plan($operation: ID!) {
  rollbackOperation(id: $operation) {
    status outcome planHash availableActions
    plan(first: 20) { nodes { state change { key action } } }
    conflicts { nodes { type key explanation } }
  }
}`,
    variables: operation,
  },
  {
    query: `# 7. Do it.
mutation Execute($operation: ID!, $planHash: String!) {
  executeRollback(input: { id: $operation, expectPlan: $planHash }) {
    __typename
    ... on RollbackOperation { id status }
    ... on UserError { code message }
  }
}`,
    variables: JSON.stringify({ operation: 'id of the dry run', planHash: 'planHash of the dry run' }),
  },
  {
    query: `# 8. Watch it.
subscription Progress($operation: ID!) {
  operationProgress(id: $operation) {
    cursor type status progress message
    counts { planned applied skipped conflicted }
  }
}`,
    variables: operation,
  },
  {
    query: `# 9. Take the rollback back.
mutation Undo($operation: ID!) {
  undoRollback(input: { id: $operation }) {
    __typename
    ... on RollbackOperation { id status }
    ... on UserError { code message }
  }
}`,
    variables: operation,
  },
];
