import { jest } from '@jest/globals';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { neo4jHarness, startPlainNeo4j } from '../support/neo4j-graphs.ts';
import { knowledgeGraphContract } from './knowledge-graph.contract.ts';

jest.setTimeout(120_000);

knowledgeGraphContract('a Neo4j graph without APOC', () => neo4jHarness(scanCapture, {}, startPlainNeo4j), false);
