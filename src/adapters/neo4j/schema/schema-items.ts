import type { SchemaItem } from '../../../ports/knowledge-graph.ts';
import type { Connection, Row } from '../connection.ts';
import { isOurs } from '../names.ts';

/** Constraints and indexes of the graph by name, with the command that makes each; those of the service are left out. */
export async function readSchema(connection: Connection): Promise<SchemaItem[]> {
  const [constraints, indexes] = await Promise.all([
    connection.read('SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, createStatement'),
    connection.read(
      `SHOW INDEXES YIELD name, type, labelsOrTypes, owningConstraint, createStatement WHERE owningConstraint IS NULL`,
    ),
  ]);
  const items = [
    ...constraints.filter(isUsers).map((row) => itemOf(row, `${row.type} CONSTRAINT`)),
    ...indexes.filter(isUsers).map((row) => itemOf(row, `${row.type} INDEX`)),
  ];
  return items.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isUsers({ labelsOrTypes }: Row): boolean {
  return !Array.isArray(labelsOrTypes) || !isOurs(labelsOrTypes.map(String));
}

function itemOf(row: Row, kind: string): SchemaItem {
  return { name: String(row.name), kind: kind.replaceAll('_', ' '), definition: String(row.createStatement) };
}
