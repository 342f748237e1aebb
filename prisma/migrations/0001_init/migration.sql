-- CreateTable
CREATE TABLE "graphs" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "capture_mode" TEXT NOT NULL DEFAULT 'CONTINUOUS',
    "capture_progress" INTEGER NOT NULL DEFAULT 100,
    "capture_error" TEXT,
    "reconciled" BIGINT NOT NULL DEFAULT 0,
    "epoch" INTEGER NOT NULL DEFAULT 1,
    "head_seq" BIGINT NOT NULL DEFAULT 0,
    "head_time" TIMESTAMPTZ(6) NOT NULL,
    "earliest_seq" BIGINT NOT NULL DEFAULT 0,
    "node_count" BIGINT NOT NULL DEFAULT 0,
    "relationship_count" BIGINT NOT NULL DEFAULT 0,
    "checksum" BYTEA NOT NULL,
    "partial" JSONB,
    "recorder_holder" TEXT,
    "recorder_token" BIGINT NOT NULL DEFAULT 0,
    "recorder_expires_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "graphs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "graph_transactions" (
    "graph_id" INTEGER NOT NULL,
    "seq" BIGINT NOT NULL,
    "feed_id" TEXT NOT NULL,
    "time" TIMESTAMPTZ(6) NOT NULL,
    "actor" TEXT,
    "session_id" TEXT,
    "source" TEXT NOT NULL,
    "operation_id" UUID,
    "epoch" INTEGER NOT NULL,
    "cut" BOOLEAN NOT NULL,
    "change_count" BIGINT NOT NULL,
    "nodes_created" INTEGER NOT NULL,
    "nodes_updated" INTEGER NOT NULL,
    "nodes_deleted" INTEGER NOT NULL,
    "relationships_created" INTEGER NOT NULL,
    "relationships_updated" INTEGER NOT NULL,
    "relationships_deleted" INTEGER NOT NULL,
    "node_count" BIGINT NOT NULL,
    "relationship_count" BIGINT NOT NULL,
    "checksum" BYTEA NOT NULL,

    CONSTRAINT "graph_transactions_pkey" PRIMARY KEY ("graph_id","seq")
);

-- CreateTable
CREATE TABLE "entity_versions" (
    "graph_id" INTEGER NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "valid_from_seq" BIGINT NOT NULL,
    "valid_to_seq" BIGINT,
    "present" BOOLEAN NOT NULL,
    "labels" TEXT[],
    "type" TEXT,
    "start_key" TEXT COLLATE "C",
    "end_key" TEXT COLLATE "C",
    "properties" JSONB,
    "hash" BYTEA,
    "origins" JSONB,

    CONSTRAINT "entity_versions_pkey" PRIMARY KEY ("graph_id","kind","key","valid_from_seq")
);

-- CreateTable
CREATE TABLE "graph_names" (
    "graph_id" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "count" BIGINT NOT NULL,

    CONSTRAINT "graph_names_pkey" PRIMARY KEY ("graph_id","kind","name")
);

-- CreateTable
CREATE TABLE "entity_labels" (
    "graph_id" INTEGER NOT NULL,
    "label" TEXT COLLATE "C" NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "entity_labels_pkey" PRIMARY KEY ("graph_id","label","key")
);

-- CreateTable
CREATE TABLE "capture_problems" (
    "id" BIGSERIAL NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "kind" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "key" TEXT COLLATE "C",

    CONSTRAINT "capture_problems_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sessions" (
    "id" TEXT NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "label" TEXT,
    "opened_at" TIMESTAMPTZ(6) NOT NULL,
    "closed_at" TIMESTAMPTZ(6),
    "last_write_at" TIMESTAMPTZ(6),
    "point_id" UUID,
    "rollback_id" UUID,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollback_points" (
    "id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "timestamp" TIMESTAMPTZ(6) NOT NULL,
    "expires_at" TIMESTAMPTZ(6),
    "session_id" TEXT,
    "metadata" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "status" TEXT NOT NULL,
    "origin" TEXT NOT NULL,
    "progress" INTEGER NOT NULL DEFAULT 0,
    "held" BOOLEAN NOT NULL DEFAULT false,
    "epoch" INTEGER NOT NULL,
    "seq" BIGINT,
    "node_count" BIGINT,
    "relationship_count" BIGINT,
    "checksum" BYTEA,
    "schema" JSONB,
    "problems" TEXT[],
    "created_by" TEXT,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "rollback_points_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollback_snapshots" (
    "id" UUID NOT NULL,
    "rollback_point_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB,
    "size_bytes" BIGINT NOT NULL,
    "checksum" TEXT NOT NULL,
    "compression_type" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "problems" TEXT[],

    CONSTRAINT "rollback_snapshots_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollback_operations" (
    "id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "target_rollback_point_id" UUID,
    "status" TEXT NOT NULL,
    "progress" INTEGER NOT NULL DEFAULT 0,
    "error_message" TEXT,
    "started_at" TIMESTAMPTZ(6),
    "completed_at" TIMESTAMPTZ(6),
    "strategy" TEXT NOT NULL,
    "log_entries" JSONB NOT NULL DEFAULT '[]',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "outcome" TEXT,
    "dry_run" BOOLEAN NOT NULL DEFAULT false,
    "target_seq" BIGINT,
    "undo" JSONB,
    "undo_session_id" TEXT,
    "undo_operation_id" UUID,
    "scope" JSONB,
    "policy" JSONB NOT NULL,
    "batch_size" INTEGER,
    "max_changes_per_second" INTEGER,
    "include_schema" BOOLEAN NOT NULL DEFAULT false,
    "reason" TEXT,
    "requested_by" TEXT,
    "start_seq" BIGINT,
    "head_seq" BIGINT,
    "checked_seq" BIGINT,
    "epoch" INTEGER,
    "plan_hash" TEXT,
    "plan_summary" JSONB,
    "planned" BIGINT NOT NULL DEFAULT 0,
    "applied" BIGINT NOT NULL DEFAULT 0,
    "skipped" BIGINT NOT NULL DEFAULT 0,
    "conflicted" BIGINT NOT NULL DEFAULT 0,
    "batch_ends" BIGINT[] DEFAULT ARRAY[]::BIGINT[],
    "safety_point_id" UUID,
    "rehearsal_of_id" UUID,
    "expect_plan" TEXT,
    "proof" JSONB,
    "account" JSONB,
    "abort_requested_at" TIMESTAMPTZ(6),
    "event_seq" BIGINT NOT NULL DEFAULT 0,
    "lease_holder" TEXT,
    "lease_token" BIGINT NOT NULL DEFAULT 0,
    "lease_expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "rollback_operations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_plan" (
    "operation_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "phase" SMALLINT NOT NULL,
    "group_no" BIGINT NOT NULL DEFAULT 0,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "action" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "cascade" BOOLEAN NOT NULL DEFAULT false,
    "partial" BOOLEAN NOT NULL DEFAULT false,
    "replanned" BOOLEAN NOT NULL DEFAULT false,
    "start_key" TEXT COLLATE "C",
    "end_key" TEXT COLLATE "C",
    "before" JSONB,
    "after" JSONB,
    "expected_hash" BYTEA,
    "target_hash" BYTEA,
    "origins" JSONB,
    "conflict_id" UUID,
    "reason" TEXT,

    CONSTRAINT "operation_plan_pkey" PRIMARY KEY ("operation_id","no")
);

-- CreateTable
CREATE TABLE "operation_conflicts" (
    "id" UUID NOT NULL,
    "operation_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "type" TEXT NOT NULL,
    "aspect" TEXT NOT NULL,
    "property" TEXT,
    "label" TEXT,
    "base" JSONB,
    "target" JSONB,
    "live" JSONB,
    "merged" JSONB,
    "base_state" JSONB,
    "target_state" JSONB,
    "live_state" JSONB,
    "live_hash" TEXT NOT NULL,
    "live_seq" BIGINT,
    "status" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "resolution" TEXT,
    "resolved_value" JSONB,
    "remembered" BOOLEAN NOT NULL DEFAULT false,
    "resolved_by" TEXT,
    "resolved_at" TIMESTAMPTZ(6),
    "explanation" TEXT NOT NULL,

    CONSTRAINT "operation_conflicts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_events" (
    "id" BIGSERIAL NOT NULL,
    "operation_id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "seq" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "progress" INTEGER NOT NULL,
    "counts" JSONB NOT NULL,
    "message" TEXT,
    "conflict_id" UUID,

    CONSTRAINT "operation_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_log" (
    "operation_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "level" TEXT NOT NULL,
    "message" TEXT NOT NULL,

    CONSTRAINT "operation_log_pkey" PRIMARY KEY ("operation_id","no")
);

-- CreateTable
CREATE TABLE "proof_differences" (
    "operation_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "explained" BOOLEAN NOT NULL,
    "expected" JSONB,
    "actual" JSONB,

    CONSTRAINT "proof_differences_pkey" PRIMARY KEY ("operation_id","no")
);

-- CreateTable
CREATE TABLE "verifications" (
    "id" UUID NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "progress" INTEGER NOT NULL DEFAULT 0,
    "entities_checked" BIGINT NOT NULL DEFAULT 0,
    "matches" BOOLEAN,
    "transaction_seq" BIGINT,
    "error_message" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(6),
    "lease_holder" TEXT,
    "lease_expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "verifications_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "verification_differences" (
    "verification_id" UUID NOT NULL,
    "no" BIGINT NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "verification_differences_pkey" PRIMARY KEY ("verification_id","no")
);

-- CreateTable
CREATE TABLE "rollback_metrics" (
    "id" UUID NOT NULL,
    "metric_name" TEXT NOT NULL,
    "metric_value" DECIMAL(65,30) NOT NULL,
    "metric_unit" TEXT,
    "tags" JSONB,
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rollback_metrics_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollback_audit_log" (
    "id" UUID NOT NULL,
    "rollback_point_id" UUID,
    "operation_id" UUID,
    "event_type" TEXT NOT NULL,
    "event_data" JSONB,
    "user_id" TEXT,
    "session_id" TEXT,
    "ip_address" INET,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seq" BIGINT NOT NULL,
    "previous_hash" TEXT,
    "hash" TEXT NOT NULL,

    CONSTRAINT "rollback_audit_log_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "actor" TEXT NOT NULL,
    "graph" TEXT NOT NULL,
    "mutation" TEXT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "input_hash" TEXT NOT NULL,
    "result" JSONB,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("actor","graph","mutation","key")
);

-- CreateIndex
CREATE UNIQUE INDEX "graphs_name_key" ON "graphs"("name");

-- CreateIndex
CREATE INDEX "graph_transactions_graph_id_time_seq_idx" ON "graph_transactions"("graph_id", "time", "seq");

-- CreateIndex
CREATE INDEX "graph_transactions_graph_id_session_id_seq_idx" ON "graph_transactions"("graph_id", "session_id", "seq");

-- CreateIndex
CREATE INDEX "graph_transactions_graph_id_actor_seq_idx" ON "graph_transactions"("graph_id", "actor", "seq");

-- CreateIndex
CREATE INDEX "graph_transactions_operation_id_idx" ON "graph_transactions"("operation_id");

-- CreateIndex
CREATE UNIQUE INDEX "graph_transactions_graph_id_feed_id_key" ON "graph_transactions"("graph_id", "feed_id");

-- CreateIndex
CREATE INDEX "entity_versions_graph_id_valid_from_seq_kind_key_idx" ON "entity_versions"("graph_id", "valid_from_seq", "kind", "key");

-- CreateIndex
CREATE INDEX "capture_problems_graph_id_id_idx" ON "capture_problems"("graph_id", "id");

-- CreateIndex
CREATE INDEX "sessions_graph_id_name_opened_at_idx" ON "sessions"("graph_id", "name", "opened_at");

-- CreateIndex
CREATE INDEX "sessions_graph_id_opened_at_id_idx" ON "sessions"("graph_id", "opened_at", "id");

-- CreateIndex
CREATE INDEX "rollback_points_graph_id_created_at_id_idx" ON "rollback_points"("graph_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "rollback_points_graph_id_seq_idx" ON "rollback_points"("graph_id", "seq");

-- CreateIndex
CREATE INDEX "rollback_snapshots_rollback_point_id_created_at_idx" ON "rollback_snapshots"("rollback_point_id", "created_at");

-- CreateIndex
CREATE INDEX "rollback_operations_graph_id_created_at_id_idx" ON "rollback_operations"("graph_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "rollback_operations_target_rollback_point_id_created_at_id_idx" ON "rollback_operations"("target_rollback_point_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "rollback_operations_status_lease_expires_at_idx" ON "rollback_operations"("status", "lease_expires_at");

-- CreateIndex
CREATE INDEX "operation_plan_operation_id_group_no_no_idx" ON "operation_plan"("operation_id", "group_no", "no");

-- CreateIndex
CREATE UNIQUE INDEX "operation_plan_operation_id_kind_key_key" ON "operation_plan"("operation_id", "kind", "key");

-- CreateIndex
CREATE UNIQUE INDEX "operation_conflicts_operation_id_no_key" ON "operation_conflicts"("operation_id", "no");

-- CreateIndex
CREATE INDEX "operation_events_graph_id_id_idx" ON "operation_events"("graph_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "operation_events_operation_id_seq_key" ON "operation_events"("operation_id", "seq");

-- CreateIndex
CREATE INDEX "verifications_graph_id_created_at_idx" ON "verifications"("graph_id", "created_at");

-- CreateIndex
CREATE INDEX "rollback_metrics_metric_name_recorded_at_idx" ON "rollback_metrics"("metric_name", "recorded_at");

-- CreateIndex
CREATE UNIQUE INDEX "rollback_audit_log_seq_key" ON "rollback_audit_log"("seq");

-- CreateIndex
CREATE INDEX "rollback_audit_log_rollback_point_id_seq_idx" ON "rollback_audit_log"("rollback_point_id", "seq");

-- CreateIndex
CREATE INDEX "rollback_audit_log_operation_id_seq_idx" ON "rollback_audit_log"("operation_id", "seq");

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_point_id_fkey" FOREIGN KEY ("point_id") REFERENCES "rollback_points"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_rollback_id_fkey" FOREIGN KEY ("rollback_id") REFERENCES "rollback_operations"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_points" ADD CONSTRAINT "rollback_points_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_points" ADD CONSTRAINT "rollback_points_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_snapshots" ADD CONSTRAINT "rollback_snapshots_rollback_point_id_fkey" FOREIGN KEY ("rollback_point_id") REFERENCES "rollback_points"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_target_rollback_point_id_fkey" FOREIGN KEY ("target_rollback_point_id") REFERENCES "rollback_points"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_safety_point_id_fkey" FOREIGN KEY ("safety_point_id") REFERENCES "rollback_points"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_undo_session_id_fkey" FOREIGN KEY ("undo_session_id") REFERENCES "sessions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_undo_operation_id_fkey" FOREIGN KEY ("undo_operation_id") REFERENCES "rollback_operations"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_operations" ADD CONSTRAINT "rollback_operations_rehearsal_of_id_fkey" FOREIGN KEY ("rehearsal_of_id") REFERENCES "rollback_operations"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_conflicts" ADD CONSTRAINT "operation_conflicts_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "rollback_operations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_events" ADD CONSTRAINT "operation_events_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "rollback_operations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_log" ADD CONSTRAINT "operation_log_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "rollback_operations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "verifications" ADD CONSTRAINT "verifications_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_audit_log" ADD CONSTRAINT "rollback_audit_log_rollback_point_id_fkey" FOREIGN KEY ("rollback_point_id") REFERENCES "rollback_points"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "rollback_audit_log" ADD CONSTRAINT "rollback_audit_log_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "rollback_operations"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- What follows Prisma's schema language cannot say.

-- Closing a version touches valid_to_seq only, which no index holds: room on the page keeps it there.
ALTER TABLE "entity_versions" SET (fillfactor = 90);
ALTER TABLE "entity_versions" ADD CONSTRAINT "entity_versions_kind_check" CHECK ("kind" IN (0, 1));

-- Relationships of a node at any moment and relationships of a type, in key order.
CREATE INDEX "entity_versions_start_idx" ON "entity_versions" ("graph_id", "start_key", "key", "valid_from_seq") WHERE "start_key" IS NOT NULL;
CREATE INDEX "entity_versions_end_idx" ON "entity_versions" ("graph_id", "end_key", "key", "valid_from_seq") WHERE "end_key" IS NOT NULL;
CREATE INDEX "entity_versions_type_idx" ON "entity_versions" ("graph_id", "type", "key", "valid_from_seq") WHERE "type" IS NOT NULL;

-- One open session of a name and actor per graph.
CREATE UNIQUE INDEX "sessions_open_key" ON "sessions" ("graph_id", "name", "actor") WHERE "closed_at" IS NULL;

-- The audit log only grows.
CREATE FUNCTION "palinode_audit_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rollback_audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER "audit_append_only" BEFORE UPDATE OR DELETE ON "rollback_audit_log"
  FOR EACH ROW EXECUTE FUNCTION "palinode_audit_is_append_only"();
