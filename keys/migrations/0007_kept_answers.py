from django.db import migrations, models

CLAIM = """
CREATE FUNCTION keys_claim(
    caller uuid,
    given text,       -- the idempotency key
    digest bytea,     -- of the request
    kept interval,    -- for how long an answer counts
    patience text,    -- a lock_timeout
    OUT claimed boolean,
    OUT found_digest bytea,
    OUT found_answer bytea
) LANGUAGE plpgsql
SET lock_timeout = 0  -- so that what is set below ends with the function: the view's own locks have no such limit
AS $$
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    -- A host that vanishes leaves a session that nobody ends, and with it a claim on which every repeat would wait.
    PERFORM set_config('idle_in_transaction_session_timeout', '60s', true);
    LOOP
        -- Waits for a claim that is not committed: then there is an answer, or, where that was rolled back, nothing.
        INSERT INTO keys_keptanswer (key_id, idempotency_key, request_digest, answer, made_at)
        VALUES (caller, given, digest, '', clock_timestamp())
        ON CONFLICT DO NOTHING;
        claimed := FOUND;
        EXIT WHEN claimed;
        SELECT request_digest, answer INTO found_digest, found_answer FROM keys_keptanswer
        WHERE key_id = caller AND idempotency_key = given AND made_at > clock_timestamp() - kept;
        EXIT WHEN FOUND;
        DELETE FROM keys_keptanswer  -- unless somebody has
        WHERE key_id = caller AND idempotency_key = given AND made_at <= clock_timestamp() - kept;
    END LOOP;
END
$$
"""


class Migration(migrations.Migration):
    """Answers kept for repeats with the same Idempotency-Key, and the one statement that claims a key or finds what it
    was answered: a function, so that its patience with locks is its own, in one round trip."""

    dependencies = [("keys", "0006_spend")]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key_id", "idempotency_key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key_id", models.UUIDField()),
                ("idempotency_key", models.CharField(max_length=255)),
                ("request_digest", models.BinaryField()),
                ("answer", models.BinaryField()),
                ("made_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunSQL(CLAIM, "DROP FUNCTION keys_claim"),
    ]
