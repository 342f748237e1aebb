-- By which the trigger of an attached graph knows the service's own transactions. A table of its own, since the secret is there before the
-- trigger, the trigger before the attachment, and nobody who reads attachments has any use for it.
CREATE TABLE "capture_secrets" (
    "graph_id" INTEGER NOT NULL,
    "secret" TEXT NOT NULL,

    CONSTRAINT "capture_secrets_pkey" PRIMARY KEY ("graph_id")
);

-- AddForeignKey
ALTER TABLE "capture_secrets" ADD CONSTRAINT "capture_secrets_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
