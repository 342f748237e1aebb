import { jest } from '@jest/globals';
import { triggerCapture } from '../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { neo4jHarness } from '../support/neo4j-graphs.ts';
import { knowledgeGraphContract } from './knowledge-graph.contract.ts';

jest.setTimeout(120_000);

knowledgeGraphContract('a Neo4j graph with a trigger', () => neo4jHarness(triggerCapture()));
