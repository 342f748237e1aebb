-- What a decision about one entity does to others: a row of a plan may be as it is for several of them.
CREATE TABLE "operation_ties" (
    "operation_id" UUID NOT NULL,
    "conflict_id" UUID NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT NOT NULL,

    CONSTRAINT "operation_ties_pkey" PRIMARY KEY ("conflict_id","kind","key")
);

-- CreateIndex
CREATE INDEX "operation_ties_operation_id_kind_key_idx" ON "operation_ties"("operation_id", "kind", "key");

-- Plans that are there already: what goes along with another entity says so by its one conflict.
INSERT INTO "operation_ties" ("operation_id", "conflict_id", "kind", "key")
SELECT p."operation_id", c."id", p."kind", p."key" FROM "operation_plan" p
  JOIN "operation_conflicts" c ON c."id" = p."conflict_id" AND c."operation_id" = p."operation_id"
WHERE p."state" = 'PENDING' AND (c."kind", c."key") <> (p."kind", p."key");
