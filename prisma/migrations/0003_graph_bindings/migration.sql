-- Where a graph that addresses entities by numbers of its own keeps each key. The number is no identity: it is reused.
CREATE TABLE "graph_bindings" (
    "graph_id" INTEGER NOT NULL,
    "kind" SMALLINT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "local_id" BIGINT NOT NULL,

    CONSTRAINT "graph_bindings_pkey" PRIMARY KEY ("graph_id","kind","key")
);
