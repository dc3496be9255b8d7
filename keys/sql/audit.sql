-- The audit trail is append-only: the database refuses to change, delete or truncate entries, so that neither the
-- service's code nor a shell can rewrite the trail by mistake.
CREATE OR REPLACE FUNCTION keys_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;
CREATE OR REPLACE TRIGGER keys_audit_append_only BEFORE UPDATE OR DELETE ON keys_auditentry
FOR EACH ROW EXECUTE FUNCTION keys_audit_refuse();
CREATE OR REPLACE TRIGGER keys_audit_not_emptied BEFORE TRUNCATE ON keys_auditentry
FOR EACH STATEMENT EXECUTE FUNCTION keys_audit_refuse();
