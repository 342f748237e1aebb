-- The moment whose states were copied, how many there were, how many the plan writes, and what their checksum should be and is afterwards.
ALTER TABLE "rehearsals" ADD COLUMN "seq" BIGINT, ADD COLUMN "planned" BIGINT NOT NULL DEFAULT 0, ADD COLUMN "copied" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "expected_checksum" TEXT, ADD COLUMN "actual_checksum" TEXT;
