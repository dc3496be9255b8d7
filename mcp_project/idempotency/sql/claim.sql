-- idempotency_claim: claim an Idempotency-Key for a request, or return the response that an earlier request with it got.
--
-- A function, so that its own lock_timeout applies in one round trip.
CREATE OR REPLACE FUNCTION idempotency_claim(
    caller uuid,
    claimed_key text,
    digest bytea,        -- of the request
    kept interval,       -- how long a response is valid
    lock_patience text,  -- a lock_timeout
    OUT claimed boolean,
    OUT kept_digest bytea,
    OUT kept_response bytea
) LANGUAGE plpgsql
SET lock_timeout = 0  -- Restores the caller's lock_timeout when the function ends: the view's locks keep their own limit.
AS $$
BEGIN
    PERFORM set_config('lock_timeout', lock_patience, true);
    -- A host that vanishes leaves its session, and a claim in it for which every repeat would wait, open for ever.
    PERFORM set_config('idle_in_transaction_session_timeout', '60s', true);
    LOOP
        -- Waits for a claim that is not committed. After its commit there is a response; after its rollback, no row.
        INSERT INTO idempotency_keptresponse (caller_id, idempotency_key, request_digest, response, made_at)
        VALUES (caller, claimed_key, digest, '', clock_timestamp())
        ON CONFLICT DO NOTHING;
        claimed := FOUND;
        EXIT WHEN claimed;
        SELECT request_digest, response INTO kept_digest, kept_response FROM idempotency_keptresponse
        WHERE caller_id = caller AND idempotency_key = claimed_key AND made_at > clock_timestamp() - kept;
        EXIT WHEN FOUND;
        -- The response has expired. Another transaction may have deleted it already.
        DELETE FROM idempotency_keptresponse
        WHERE caller_id = caller AND idempotency_key = claimed_key AND made_at <= clock_timestamp() - kept;
    END LOOP;
END
$$;
