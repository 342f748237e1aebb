-- What an operation is to do to the schema of the graph, as it was planned.
ALTER TABLE "rollback_operations" ADD COLUMN "schema_changes" JSONB;
