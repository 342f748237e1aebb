import { describeApiInvariants } from '../../support/api-invariants.ts';

describeApiInvariants(60, 900_000);
