import { describeApiInvariants } from '../../support/api-invariants.ts';

describeApiInvariants(300, 1_800_000);
