from django.db import migrations

CREATE = """
CREATE FUNCTION keys_spend(
    pool uuid,
    cost bigint,      -- requests; 0 only asks
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
    counted boolean := daily IS NOT NULL OR monthly IS NOT NULL;
    asked bigint := greatest(cost, 1);
    bucket keys_bucket;
    quota keys_quota;
    debt bigint;
    moment timestamp;
    today integer;
    this_month integer;
BEGIN
    -- The locks are always taken in this order, the bucket's and then the quota's, so that nobody waits in a circle.
    IF cost = 0 THEN
        SELECT * INTO bucket FROM keys_bucket WHERE pool_id = pool;
        SELECT * INTO quota FROM keys_quota WHERE pool_id = pool AND counted;
    ELSE
        LOOP
            SELECT * INTO bucket FROM keys_bucket WHERE pool_id = pool FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO keys_bucket (pool_id, full_at) VALUES (pool, 0) ON CONFLICT DO NOTHING;
        END LOOP;
        WHILE counted LOOP
            SELECT * INTO quota FROM keys_quota WHERE pool_id = pool FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO keys_quota (pool_id, day, day_used, month, month_used) VALUES (pool, 0, 0, 0, 0)
            ON CONFLICT DO NOTHING;
        END LOOP;
    END IF;

    -- Once the locks are held: whoever has waited for them has waited for the refill, too.
    moment := clock_timestamp() AT TIME ZONE 'UTC';
    now := (extract(epoch FROM moment) * 1000000)::bigint;
    -- Never less than nothing: a full bucket gets no fuller. Never more than a whole one: a rate may have been raised.
    debt := coalesce(bucket.full_at, 0) - now * 1000;
    ahead := least(greatest(debt, 0), capacity);
    admitted := asked <= (capacity - ahead) / emission;

    IF counted THEN
        today := now / 86400000000;
        this_month := extract(year FROM moment) * 12 + extract(month FROM moment) - 1;
        -- A clock that was set back over midnight: the day that has begun goes on.
        IF quota.day = today + 1 THEN today := quota.day; END IF;
        IF quota.month = this_month + 1 THEN this_month := quota.month; END IF;
        day_used := CASE WHEN quota.day = today THEN quota.day_used ELSE 0 END;
        month_used := CASE WHEN quota.month = this_month THEN quota.month_used ELSE 0 END;
        admitted := admitted AND (daily IS NULL OR day_used + asked <= daily)
                             AND (monthly IS NULL OR month_used + asked <= monthly);
    ELSE
        day_used := 0;
        month_used := 0;
    END IF;

    IF cost > 0 AND (admitted OR debt > capacity) THEN
        ahead := ahead + CASE WHEN admitted THEN cost * emission ELSE 0 END;
        UPDATE keys_bucket SET full_at = now * 1000 + ahead WHERE pool_id = pool;
        IF admitted AND counted THEN
            day_used := day_used + cost;
            month_used := month_used + cost;
            UPDATE keys_quota AS row
            SET day = today, day_used = keys_spend.day_used, month = this_month, month_used = keys_spend.month_used
            WHERE row.pool_id = pool;
        END IF;
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    """A bucket is one timestamp, the "theoretical arrival time" at which it would be full again, by the Generic Cell
    Rate Algorithm (ITU-T I.371, annex A; the virtual scheduling form). A request moves it on by its cost, and is
    admitted if it then lies no more than a whole bucket ahead of now. A refused request moves nothing, but for what
    lies further ahead than a whole bucket: of an older, slower rate, or of a clock that has been set back.

    Whole numbers of nanoseconds, so that a bucket of 100 admits 100 and never 101.
    """

    dependencies = [("keys", "0005_quotas")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION keys_spend")]
