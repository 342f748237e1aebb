-- Operations that go on from another one, and operations that a person has paused. announced_conflict: the number of the newest conflict
-- that has its event. marker_gone: nothing of the operation is left in its graph; only of interest once it wrote and has ended. replanning: the
-- plan's rows were forgotten to be made again, and are not all there yet.
ALTER TABLE "rollback_operations" ADD COLUMN "resumes_id" UUID, ADD COLUMN "paused_at" TIMESTAMPTZ(6),
  ADD COLUMN "announced_conflict" BIGINT NOT NULL DEFAULT 0, ADD COLUMN "marker_gone" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "replanning" BOOLEAN NOT NULL DEFAULT false;

ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_resumes_id_fkey"
  FOREIGN KEY ("resumes_id") REFERENCES "rollback_operations"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- Looked up by their parents: what undoes, executes or resumes an operation, and the restores of a graph that have not ended.
CREATE INDEX "rollback_operations_resumes_id_idx" ON "rollback_operations" ("resumes_id") WHERE "resumes_id" IS NOT NULL;
CREATE INDEX "rollback_operations_rehearsal_of_id_idx" ON "rollback_operations" ("rehearsal_of_id") WHERE "rehearsal_of_id" IS NOT NULL;
CREATE INDEX "rollback_operations_undo_operation_id_idx" ON "rollback_operations" ("undo_operation_id")
  WHERE "undo_operation_id" IS NOT NULL;
CREATE INDEX "rollback_operations_marked_idx" ON "rollback_operations" ("id")
  WHERE "safety_point_id" IS NOT NULL AND NOT "marker_gone";
CREATE INDEX "rollback_operations_replanning_idx" ON "rollback_operations" ("id") WHERE "replanning";
CREATE INDEX "rollback_operations_open_idx" ON "rollback_operations" ("graph_id")
  WHERE "status" NOT IN ('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED');

-- overwritable: whether target can be written at all. choice: what was chosen, of which resolution is the strategy. planned_version: the version that the plan's row accounts for; a decision
-- raises the version, and the row is planned again. rule_id: the remembered decision that was applied.
ALTER TABLE "operation_conflicts" ADD COLUMN "overwritable" BOOLEAN NOT NULL DEFAULT true, ADD COLUMN "choice" TEXT,
  ADD COLUMN "planned_version" INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN "rule_id" UUID;

CREATE INDEX "operation_conflicts_operation_id_kind_key_idx" ON "operation_conflicts" ("operation_id", "kind", "key");
CREATE INDEX "operation_conflicts_open_idx" ON "operation_conflicts" ("operation_id") WHERE "status" = 'OPEN';
CREATE INDEX "operation_conflicts_unplanned_idx" ON "operation_conflicts" ("operation_id") WHERE "version" <> "planned_version";
CREATE INDEX "operation_plan_conflict_id_idx" ON "operation_plan" ("conflict_id") WHERE "conflict_id" IS NOT NULL;

-- Decisions that later operations apply by themselves.
CREATE TABLE "resolution_rules" (
    "id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "kind" SMALLINT NOT NULL,
    "labels" TEXT[] COLLATE "C",
    "type" TEXT COLLATE "C" NOT NULL DEFAULT '',
    "conflict_type" TEXT NOT NULL,
    "aspect" TEXT NOT NULL,
    "property" TEXT COLLATE "C" NOT NULL DEFAULT '',
    "side" TEXT NOT NULL,
    "created_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "resolution_rules_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "resolution_rules_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE UNIQUE INDEX "resolution_rules_graph_id_kind_labels_type_conflict_type_as_key" ON "resolution_rules"
  ("graph_id", "kind", "labels", "type", "conflict_type", "aspect", "property");
CREATE INDEX "resolution_rules_graph_id_created_at_id_idx" ON "resolution_rules" ("graph_id", "created_at", "id");

-- Plans tried out on a scratch copy of what they touch. scratch: the copy's name, until it has been removed.
CREATE TABLE "rehearsals" (
    "id" UUID NOT NULL,
    "operation_id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "progress" INTEGER NOT NULL DEFAULT 0,
    "matches" BOOLEAN,
    "plan_hash" TEXT,
    "checked_entities" BIGINT NOT NULL DEFAULT 0,
    "applied" BIGINT NOT NULL DEFAULT 0,
    "error_message" TEXT,
    "requested_by" TEXT,
    "scratch" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(6),
    "lease_holder" TEXT,
    "lease_expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "rehearsals_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "rehearsals_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "rollback_operations"("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE INDEX "rehearsals_operation_id_created_at_id_idx" ON "rehearsals" ("operation_id", "created_at", "id");
CREATE INDEX "rehearsals_scratch_idx" ON "rehearsals" ("lease_expires_at") WHERE "scratch" IS NOT NULL OR "status" = 'RUNNING';

CREATE TABLE "rehearsal_differences" (
    "rehearsal_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "expected" JSONB,
    "actual" JSONB,

    CONSTRAINT "rehearsal_differences_pkey" PRIMARY KEY ("rehearsal_id","no")
);
