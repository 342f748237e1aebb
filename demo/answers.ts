import type { Summary } from './printing.ts';

/** What the story reads of the service's answers. */

export interface Synset {
  key: string;
  gloss: string;
}
export interface Operation {
  status: string;
  outcome: string | null;
  planHash: string | null;
  errorMessage: string | null;
  openConflictCount: string;
  planSummary: Summary | null;
  counts: { planned: string; applied: string; skipped: string; conflicted: string };
  proof: { method: string; matches: boolean; checkedEntities: string } | null;
  plan: {
    nodes: {
      change: {
        key: string;
        properties: { name: string; before: { text: string } | null; after: { text: string } | null }[];
      };
    }[];
  };
}

export interface Point {
  __typename: string;
  id: string;
  name: string;
  status: string;
  seq: string;
  nodeCount: string;
  relationshipCount: string;
  checksum: string;
}
export interface Started {
  __typename: string;
  id: string;
}
