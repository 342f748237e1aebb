import { describeNeo4jInvariants } from '../../support/neo4j-invariants.ts';

describeNeo4jInvariants(3, 120_000);
