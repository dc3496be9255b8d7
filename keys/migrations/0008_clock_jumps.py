from importlib import import_module

from django.db import migrations, models

PERIODS = """
CREATE FUNCTION keys_periods(
    now_is integer,  -- the day or the month, by the clock
    INOUT period integer,  -- that was counted last, and before it another one
    INOUT used bigint,
    INOUT prior_period integer,
    INOUT prior_used bigint
) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF now_is = period OR (now_is = period - 1 AND now_is <> prior_period) THEN
        NULL;  -- It goes on; also when a clock is set back over midnight.
    ELSIF now_is = prior_period THEN  -- a clock that was ahead and has come back, or the other way round
        SELECT prior_period, prior_used, period, used INTO period, used, prior_period, prior_used;
    ELSE
        prior_period := period;
        prior_used := used;
        -- A clock has come back to where nothing was counted: what was counted while it was ahead was of this period.
        used := CASE WHEN now_is < period THEN used ELSE 0 END;
        period := now_is;
    END IF;
END
$$
"""
SPEND = """
CREATE OR REPLACE FUNCTION keys_spend(
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
    days record;
    months record;
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
        SELECT * INTO days FROM keys_periods(today, quota.day, quota.day_used, quota.prior_day, quota.prior_day_used);
        SELECT * INTO months
        FROM keys_periods(this_month, quota.month, quota.month_used, quota.prior_month, quota.prior_month_used);
        day_used := days.used;
        month_used := months.used;
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
            UPDATE keys_quota AS row SET
                day = days.period, day_used = keys_spend.day_used,
                prior_day = days.prior_period, prior_day_used = days.prior_used,
                month = months.period, month_used = keys_spend.month_used,
                prior_month = months.prior_period, prior_month_used = months.prior_used
            WHERE row.pool_id = pool;
        END IF;
    END IF;
END
$$
"""
OLD_SPEND = import_module("keys.migrations.0006_spend").CREATE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    """A quota remembers two days and two months, so that a clock which jumps ahead and comes back finds what was used
    before it jumped."""

    dependencies = [("keys", "0007_kept_answers")]

    operations = [
        *(
            migrations.AddField("quota", name, field(db_default=0))
            for name, field in (
                ("prior_day", models.IntegerField),
                ("prior_day_used", models.BigIntegerField),
                ("prior_month", models.IntegerField),
                ("prior_month_used", models.BigIntegerField),
            )
        ),
        migrations.RunSQL(PERIODS, "DROP FUNCTION keys_periods"),
        migrations.RunSQL(SPEND, OLD_SPEND),
    ]
