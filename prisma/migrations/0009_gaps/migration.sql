-- How often capture was found to have a gap: a comparison that began before the last one says nothing of it.
ALTER TABLE "graphs" ADD COLUMN "gaps" BIGINT NOT NULL DEFAULT 0;
