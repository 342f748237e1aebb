-- Validations that a crash cut off are looked for now and then.
CREATE INDEX "rollback_points_validating_idx" ON "rollback_points" ("updated_at") WHERE "status" = 'VALIDATING' AND "deleted_at" IS NULL;
