-- A graph has one verification at a time. Of several that were begun at once the oldest goes on.
UPDATE "verifications" AS v SET "status" = 'FAILED', "progress" = 100, "error_message" = 'another verification of the graph was running already',
    "completed_at" = clock_timestamp(), "lease_holder" = NULL, "lease_expires_at" = NULL
WHERE v."status" = 'RUNNING' AND EXISTS (
    SELECT FROM "verifications" AS o WHERE o."graph_id" = v."graph_id" AND o."status" = 'RUNNING' AND (o."created_at", o."id") < (v."created_at", v."id")
);
CREATE UNIQUE INDEX "verifications_running_key" ON "verifications" ("graph_id") WHERE "status" = 'RUNNING';
