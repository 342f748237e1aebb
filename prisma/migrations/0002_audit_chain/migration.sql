-- The audit log is a chain: each row's hash covers the row and the hash of the row before it. A trigger links the rows, so that every
-- writer just inserts. The lock makes the rows of concurrent transactions follow one another; it is held until commit, so audit
-- rows are written last. Needs READ COMMITTED: under a fixed snapshot the newest row could be an older one, and the unique seq refuses.

CREATE FUNCTION "palinode_audit_hash"(entry "rollback_audit_log") RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(
    entry."seq", entry."previous_hash", entry."id", entry."rollback_point_id", entry."operation_id", entry."event_type",
    entry."event_data", entry."user_id", entry."session_id", host(entry."ip_address"), entry."user_agent",
    (extract(epoch FROM entry."created_at") * 1000000)::bigint
  )::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION "palinode_audit_link"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(772611843001);
  SELECT "seq" + 1, "hash" INTO NEW."seq", NEW."previous_hash" FROM "rollback_audit_log" ORDER BY "seq" DESC LIMIT 1;
  NEW."seq" := coalesce(NEW."seq", 1);
  NEW."hash" := palinode_audit_hash(NEW);
  RETURN NEW;
END $$;

CREATE TRIGGER "audit_link" BEFORE INSERT ON "rollback_audit_log"
  FOR EACH ROW EXECUTE FUNCTION "palinode_audit_link"();
CREATE TRIGGER "audit_no_truncate" BEFORE TRUNCATE ON "rollback_audit_log"
  FOR EACH STATEMENT EXECUTE FUNCTION "palinode_audit_is_append_only"();

-- Points that may expire, and operations that hold on to a point.
CREATE INDEX "rollback_points_expiry_idx" ON "rollback_points" ("expires_at")
  WHERE "expires_at" IS NOT NULL AND NOT "held" AND "deleted_at" IS NULL AND "status" IN ('STORED', 'VALID', 'INVALID');
CREATE INDEX "rollback_operations_safety_point_id_idx" ON "rollback_operations" ("safety_point_id") WHERE "safety_point_id" IS NOT NULL;
