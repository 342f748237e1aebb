-- CreateTable
CREATE TABLE "graph_attachments" (
    "graph_id" INTEGER NOT NULL,
    "store_id" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "phase" TEXT NOT NULL,
    "cursor" TEXT,
    "seen" BIGINT NOT NULL DEFAULT 0,
    "total" BIGINT NOT NULL DEFAULT 0,
    "keys_removed_seq" BIGINT,
    "stamp" TEXT,
    "next_stamp" TEXT,
    "attached_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "graph_attachments_pkey" PRIMARY KEY ("graph_id")
);

-- AddForeignKey
ALTER TABLE "graph_attachments" ADD CONSTRAINT "graph_attachments_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
