-- Readings of a graph's constraints and indexes, beside those that points keep: changes of a schema cannot be captured, so they are read.
CREATE TABLE "schema_readings" (
    "id" BIGSERIAL NOT NULL,
    "graph_id" INTEGER NOT NULL,
    "seq" BIGINT NOT NULL,
    "time" TIMESTAMPTZ(6) NOT NULL,
    "read_at" TIMESTAMPTZ(6) NOT NULL,
    "schema" JSONB NOT NULL,

    CONSTRAINT "schema_readings_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "schema_readings_graph_id_read_at_idx" ON "schema_readings"("graph_id", "read_at");

-- CreateIndex
CREATE INDEX "schema_readings_graph_id_seq_read_at_idx" ON "schema_readings"("graph_id", "seq", "read_at");

-- AddForeignKey
ALTER TABLE "schema_readings" ADD CONSTRAINT "schema_readings_graph_id_fkey" FOREIGN KEY ("graph_id") REFERENCES "graphs"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
