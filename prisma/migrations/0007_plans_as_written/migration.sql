-- States travel through a plan as they are. Who looks into one, for a constraint of the graph, parses it there.
ALTER TABLE "operation_plan" ALTER COLUMN "before" TYPE JSON, ALTER COLUMN "after" TYPE JSON, ALTER COLUMN "origins" TYPE JSON;
