-- Archives: the whole state at a point, or what a scope covers of it, as chunks in the blob store.
CREATE TABLE "point_archives" (
    "id" UUID NOT NULL,
    "rollback_point_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "scope" JSONB,
    "status" TEXT NOT NULL,
    "kind" SMALLINT NOT NULL DEFAULT 0,
    "cursor" TEXT,
    "chunks" INTEGER NOT NULL DEFAULT 0,
    "scanned" BIGINT NOT NULL DEFAULT 0,
    "nodes" BIGINT NOT NULL DEFAULT 0,
    "relationships" BIGINT NOT NULL DEFAULT 0,
    "bytes" BIGINT NOT NULL DEFAULT 0,
    "stored_bytes" BIGINT NOT NULL DEFAULT 0,
    "checksum" BYTEA,
    "error_message" TEXT,
    "requested_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(6),
    "lease_holder" TEXT,
    "lease_expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "point_archives_pkey" PRIMARY KEY ("id")
);

-- The blobs of an archive: 0 is its manifest, 1 and following are its chunks.
CREATE TABLE "archive_blobs" (
    "archive_id" UUID NOT NULL,
    "no" INTEGER NOT NULL,
    "blob" TEXT NOT NULL,
    "kind" SMALLINT NOT NULL,
    "entities" BIGINT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "stored_bytes" BIGINT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "archive_blobs_pkey" PRIMARY KEY ("archive_id", "no")
);

-- Every blob that may be in the store: noted before it is put there. freed_at: an archive gave it up, so it goes unless another has it.
CREATE TABLE "blobs" (
    "name" TEXT NOT NULL,
    "freed_at" TIMESTAMPTZ(6),

    CONSTRAINT "blobs_pkey" PRIMARY KEY ("name")
);

ALTER TABLE "rollback_points" ADD COLUMN "archiving_id" UUID;
ALTER TABLE "rollback_snapshots" ADD COLUMN "scope" JSONB;

-- CreateIndex
CREATE INDEX "point_archives_rollback_point_id_status_idx" ON "point_archives"("rollback_point_id", "status");

-- Archives that are being written.
CREATE INDEX "point_archives_running_idx" ON "point_archives"("created_at") WHERE "status" = 'RUNNING';

-- CreateIndex
CREATE INDEX "archive_blobs_blob_idx" ON "archive_blobs"("blob");

-- Blobs that may have to go.
CREATE INDEX "blobs_freed_idx" ON "blobs"("freed_at") WHERE "freed_at" IS NOT NULL;

-- AddForeignKey
ALTER TABLE "point_archives" ADD CONSTRAINT "point_archives_rollback_point_id_fkey" FOREIGN KEY ("rollback_point_id") REFERENCES "rollback_points"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "archive_blobs" ADD CONSTRAINT "archive_blobs_archive_id_fkey" FOREIGN KEY ("archive_id") REFERENCES "point_archives"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "archive_blobs" ADD CONSTRAINT "archive_blobs_blob_fkey" FOREIGN KEY ("blob") REFERENCES "blobs"("name") ON DELETE RESTRICT ON UPDATE CASCADE;
