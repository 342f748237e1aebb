import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { neo4jHarness } from '../support/neo4j-graphs.ts';
import { knowledgeGraphContract } from './knowledge-graph.contract.ts';

knowledgeGraphContract('a Neo4j graph without capture', () => neo4jHarness(scanCapture), false);
