import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import { decodeId } from '../../src/api/graphql/ids.ts';
import { isRecord } from '../../src/core/decoded.ts';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import { type ApiGraph, factsOf, idOf } from './api-graph.ts';
import type { Answer, TestClient } from './graphql-client.ts';

/** Archives as they lie on the disk, read by nothing but JSON and zstd: the code that wrote them is not asked. */

const POINT = `query ($id: ID!) { rollbackPoint(id: $id) { id status archiving progress problems
  snapshots { id type sizeBytes checksum compressionType scope problems } audit(first: 100) { nodes { eventType eventData } } } }`;

/** The point once nothing is being written or validated of it. */
export async function settledPoint(client: TestClient, id: string): Promise<Answer> {
  for (;;) {
    const { rollbackPoint: point } = await client.data(POINT, { id });
    if (!point.archiving && point.status !== 'VALIDATING') return point;
    await sleep(10);
  }
}

export const blobPath = (dataFolder: string, name: string): string => join(dataFolder, 'blobs', name.slice(0, 2), name);

/** The names of all blobs. */
export function blobsIn(dataFolder: string): string[] {
  const folders = readdirSync(join(dataFolder, 'blobs')).filter((name) => name.length === 2);
  return folders.flatMap((name) => readdirSync(join(dataFolder, 'blobs', name))).sort();
}

function linesOf(dataFolder: string, blob: string): Answer[] {
  const text = zstdDecompressSync(readFileSync(blobPath(dataFolder, blob))).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

export interface StoredArchive {
  /** The blob of the manifest. */
  readonly manifest: string;
  readonly header: Answer;
  readonly chunks: readonly Answer[];
  readonly entities: readonly Answer[];
}

/** The archive that a snapshot stands for. */
export async function storedArchive(
  { prisma, dataFolder }: { readonly prisma: PrismaClient; readonly dataFolder: string },
  snapshotId: string,
): Promise<StoredArchive> {
  const { data } = await prisma.rollbackSnapshot.findUniqueOrThrow({ where: { id: decodeId(snapshotId)?.key ?? '' } });
  if (!isRecord(data) || !isRecord(data.manifest)) throw new Error('the snapshot is no archive');
  return readStoredArchive(dataFolder, String(data.manifest.blob));
}

function readStoredArchive(dataFolder: string, manifest: string): StoredArchive {
  const [header, ...chunks] = linesOf(dataFolder, manifest);
  return { manifest, header, chunks, entities: chunks.flatMap(({ blob }) => linesOf(dataFolder, blob)) };
}

/** The entities of an archive as their clients would see them, each once. */
export function archivedGraph({ entities }: StoredArchive): ApiGraph {
  const graph = new Map(
    entities.map((entity) => {
      const [kind, key] = entity;
      const properties = Object.entries(entity.at(-1)).map(([name, json]) => ({ name, value: { json } }));
      const [type, startKey, endKey] = entity.slice(2);
      const state = kind === 'NODE' ? { labels: entity[2] } : { labels: null, type, startKey, endKey };
      return [idOf(kind, key), factsOf({ ...state, properties }) ?? new Map()] as const;
    }),
  );
  if (graph.size !== entities.length) throw new Error('the archive has an entity twice');
  return graph;
}
