import { describeApiInvariants } from '../../support/api-invariants.ts';

describeApiInvariants(3, 120_000);
