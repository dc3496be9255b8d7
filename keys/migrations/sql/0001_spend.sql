-- keys_spend: decide whether a pool admits a request, and charge it, in one statement and on the database's clock.
--
-- A bucket is one timestamp: the "theoretical arrival time" at which it would be full again, by the Generic Cell Rate
-- Algorithm (ITU-T I.371, annex A; the virtual scheduling form). A request moves it forward by its cost, and is
-- admitted if it then lies no more than a whole bucket ahead of now. A refused request moves nothing, with one
-- exception: a timestamp that lies further ahead than a whole bucket, because the rate was raised or the clock was set
-- back, is moved back to that.
--
-- Times are whole nanoseconds, so that a bucket of 100 admits exactly 100 requests.
CREATE OR REPLACE FUNCTION keys_spend(
    pool uuid,
    cost bigint,      -- requests; 0 reads the state and charges nothing
    emission bigint,  -- nanoseconds in which one request is refilled
    capacity bigint,  -- nanoseconds in which an empty bucket is full
    daily bigint,     -- quotas, in requests; NULL for none
    monthly bigint,
    OUT admitted boolean,
    OUT ahead bigint,  -- nanoseconds until the bucket is full
    OUT now bigint,    -- microseconds since 1970
    OUT day_used bigint,
    OUT month_used bigint
) LANGUAGE plpgsql AS $$
DECLARE
    has_quota boolean := daily IS NOT NULL OR monthly IS NOT NULL;
    requests bigint := greatest(cost, 1);
    bucket keys_bucket;
    quota keys_quota;
    debt bigint;
    clock timestamp;
    today integer;
    this_month integer;
    days record;
    months record;
BEGIN
    -- The bucket's lock is always taken before the quota's, so that two transactions never wait for each other.
    IF cost = 0 THEN
        SELECT * INTO bucket FROM keys_bucket WHERE pool_id = pool;
        SELECT * INTO quota FROM keys_quota WHERE pool_id = pool AND has_quota;
    ELSE
        LOOP
            SELECT * INTO bucket FROM keys_bucket WHERE pool_id = pool FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO keys_bucket (pool_id, full_at) VALUES (pool, 0) ON CONFLICT DO NOTHING;
        END LOOP;
        WHILE has_quota LOOP
            SELECT * INTO quota FROM keys_quota WHERE pool_id = pool FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO keys_quota (pool_id, day, day_used, month, month_used) VALUES (pool, 0, 0, 0, 0)
            ON CONFLICT DO NOTHING;
        END LOOP;
    END IF;

    -- Read the clock once the locks are held: the bucket has refilled while this transaction waited for them.
    clock := clock_timestamp() AT TIME ZONE 'UTC';
    now := (extract(epoch FROM clock) * 1000000)::bigint;
    -- At least 0: a full bucket gets no fuller. At most a whole bucket: the rate may have been raised.
    debt := coalesce(bucket.full_at, 0) - now * 1000;
    ahead := least(greatest(debt, 0), capacity);
    admitted := requests <= (capacity - ahead) / emission;

    IF has_quota THEN
        today := now / 86400000000;
        this_month := extract(year FROM clock) * 12 + extract(month FROM clock) - 1;
        SELECT * INTO days FROM keys_periods(today, quota.day, quota.day_used, quota.prior_day, quota.prior_day_used);
        SELECT * INTO months
        FROM keys_periods(this_month, quota.month, quota.month_used, quota.prior_month, quota.prior_month_used);
        day_used := days.used;
        month_used := months.used;
        admitted := admitted AND (daily IS NULL OR day_used + requests <= daily)
                             AND (monthly IS NULL OR month_used + requests <= monthly);
    ELSE
        day_used := 0;
        month_used := 0;
    END IF;

    IF cost > 0 AND (admitted OR debt > capacity) THEN
        ahead := ahead + CASE WHEN admitted THEN cost * emission ELSE 0 END;
        UPDATE keys_bucket SET full_at = now * 1000 + ahead WHERE pool_id = pool;
        IF admitted AND has_quota THEN
            day_used := day_used + cost;
            month_used := month_used + cost;
            UPDATE keys_quota AS row SET
                day = days.period, day_used = keys_spend.day_used,
                prior_day = days.prior_period, prior_day_used = days.prior_used,
                month = months.period, month_used = keys_spend.month_used,
                prior_month = months.prior_period, prior_month_used = months.prior_used
            WHERE row.pool_id = pool;
        END IF;
    END IF;
END
$$;
