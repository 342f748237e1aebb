import { describeNeo4jInvariants } from '../../support/neo4j-invariants.ts';

describeNeo4jInvariants(100, 3_600_000);
