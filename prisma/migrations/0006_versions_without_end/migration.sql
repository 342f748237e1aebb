-- A version ends where its entity's next one begins, which the key says: nothing has to be written into it then. What is only ever
-- added to needs no room on its pages for later.
ALTER TABLE "entity_versions" DROP COLUMN "valid_to_seq";
ALTER TABLE "entity_versions" RESET (fillfactor);

-- Nobody asks the database what a version holds: it is read as a whole, and given back as it was written.
ALTER TABLE "entity_versions" ALTER COLUMN "properties" TYPE JSON, ALTER COLUMN "origins" TYPE JSON;
