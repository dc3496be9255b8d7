from django.db import migrations

REFUSE = """
CREATE FUNCTION keys_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END
$$;
CREATE TRIGGER keys_audit_append_only BEFORE UPDATE OR DELETE ON keys_auditentry
FOR EACH ROW EXECUTE FUNCTION keys_audit_refuse();
CREATE TRIGGER keys_audit_not_emptied BEFORE TRUNCATE ON keys_auditentry
FOR EACH STATEMENT EXECUTE FUNCTION keys_audit_refuse();
"""
ALLOW = """
DROP TRIGGER keys_audit_not_emptied ON keys_auditentry;
DROP TRIGGER keys_audit_append_only ON keys_auditentry;
DROP FUNCTION keys_audit_refuse();
"""


class Migration(migrations.Migration):
    """In the database, so that no code of ours, no shell and no later mistake can rewrite the trail."""

    dependencies = [("keys", "0003_keys_in_full")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
