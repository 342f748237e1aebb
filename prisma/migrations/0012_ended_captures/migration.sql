-- What the last detaching of a graph may have left in it, until it was looked for and not found. Whoever detaches may end before the graph is
-- cleaned, and a trigger cannot be dropped while APOC is away: its secret is gone by then, and the hash of it says whose it is.
CREATE TABLE "ended_captures" (
    "graph_id" INTEGER NOT NULL,
    "token" BIGINT NOT NULL,
    "secret_hash" TEXT,
    "remove_keys" BOOLEAN NOT NULL,
    "ended_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ended_captures_pkey" PRIMARY KEY ("graph_id")
);

-- AddForeignKey
ALTER TABLE "ended_captures" ADD CONSTRAINT "ended_captures_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
