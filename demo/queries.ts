/** The operations of the story. */
export const LOADED = `query { graph(name: "demo") { nodeCount relationshipCount capture { mode pending } } }`;

export const CREATE_POINT = `mutation ($name: String!) {
  createRollbackPoint(input: { graph: "demo", name: $name }) {
    __typename
    ... on RollbackPoint { id name status seq nodeCount relationshipCount checksum }
    ... on UserError { code message }
  }
}`;

export const OPEN_SESSION = `mutation ($name: String!, $actor: String!) {
  openSession(input: { graph: "demo", name: $name, actor: $actor }) {
    __typename
    ... on Session { id name actor point { id name seq } }
    ... on UserError { code message }
  }
}`;

export const CLOSE_SESSION = `mutation ($id: ID!) {
  closeSession(input: { id: $id }) { __typename ... on Session { id closedAt } ... on UserError { code message } }
}`;

export const SYNSETS = `query ($after: String, $label: String!, $first: Int!) {
  graph(name: "demo") { nodes(label: $label, first: $first, after: $after) {
    nodes { key property(name: "gloss") { text } } pageInfo { endCursor hasNextPage }
  } }
}`;

export const WRITE = `mutation ($session: ID!, $changes: [GraphWrite!]!) {
  writeGraph(input: { graph: "demo", session: $session, changes: $changes }) {
    __typename
    ... on GraphWriteSummary { changed transaction { seq changeCount } }
    ... on UserError { code message }
  }
}`;

export const SESSION_DIFF = `query ($from: ID!) {
  graph(name: "demo") { diff(from: { point: $from }) {
    from { seq } to { seq }
    summary { nodesCreated nodesUpdated nodesDeleted relationshipsCreated relationshipsUpdated relationshipsDeleted }
    changes(first: 3, action: UPDATED) { nodes { key action properties { name before { text } after { text } } } }
  } }
}`;

export const CONTRIBUTIONS = `query ($since: ID!) {
  graph(name: "demo") { contributions(since: { point: $since }, first: 10) { nodes {
    actor session { name } transactions
    summary { nodesCreated nodesUpdated nodesDeleted relationshipsCreated relationshipsUpdated relationshipsDeleted }
  } } }
}`;

export const UNDO_SESSION = `mutation ($session: ID!, $dryRun: Boolean!) {
  rollback(input: { graph: "demo", undo: { by: { session: $session } }, dryRun: $dryRun, onConflict: { default: ABORT } }) {
    __typename ... on RollbackOperation { id } ... on UserError { code message }
  }
}`;

export const EXECUTE = `mutation ($id: ID!, $plan: String!) {
  executeRollback(input: { id: $id, expectPlan: $plan, strategy: GRADUAL, batchSize: 1000 }) {
    __typename ... on RollbackOperation { id } ... on UserError { code message }
  }
}`;

export const UNDO_ROLLBACK = `mutation ($id: ID!) {
  undoRollback(input: { id: $id, onConflict: { default: ABORT } }) {
    __typename ... on RollbackOperation { id } ... on UserError { code message }
  }
}`;

export const RESTORE = `mutation ($point: ID!) {
  rollback(input: { graph: "demo", to: { point: $point }, onConflict: { default: ABORT } }) {
    __typename ... on RollbackOperation { id } ... on UserError { code message }
  }
}`;

export const PROGRESS = `subscription ($id: ID!) {
  operationProgress(id: $id) { cursor type status progress message counts { planned applied skipped conflicted } }
}`;

export const OPERATION = `query ($id: ID!) {
  rollbackOperation(id: $id) {
    status outcome planHash errorMessage openConflictCount
    planSummary { nodesCreated nodesUpdated nodesDeleted relationshipsCreated relationshipsUpdated relationshipsDeleted }
    counts { planned applied skipped conflicted }
    proof { method matches checkedEntities expectedChecksum actualChecksum }
    plan(first: 2, action: UPDATED) { nodes { change { key properties { name before { text } after { text } } } } }
  }
}`;

export const GLOSS = `query ($key: ID!) {
  graph(name: "demo") { entity(key: $key, kind: NODE) { key ... on GraphNode { property(name: "gloss") { text } } } nodeCount relationshipCount checksum }
}`;
