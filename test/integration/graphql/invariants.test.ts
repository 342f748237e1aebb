import { describeApiInvariants } from '../../support/api-invariants.ts';

describeApiInvariants(5, 120_000);
