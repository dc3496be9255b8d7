-- keys_periods: how much of a quota is used in the current period (a day or a month), given what was counted last.
--
-- A quota row remembers two periods, the one that was counted last and the one before, because a clock may jump ahead
-- and come back: what was used before the jump must count again. keys_spend calls this once for days and once for
-- months; keys/limits/stores/spend.lua holds the same rule for Redis.
CREATE OR REPLACE FUNCTION keys_periods(
    now_is integer,        -- the current day or month, by the clock
    INOUT period integer,  -- the period that was counted last, and how much was used in it
    INOUT used bigint,
    INOUT prior_period integer,  -- the period before that, and how much was used in it
    INOUT prior_used bigint
) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF now_is = period OR (now_is = period - 1 AND now_is <> prior_period) THEN
        NULL;  -- The period goes on, also when a clock is set back over midnight.
    ELSIF now_is = prior_period THEN  -- A clock that was ahead has come back, or one that was behind has caught up.
        SELECT prior_period, prior_used, period, used INTO period, used, prior_period, prior_used;
    ELSE
        prior_period := period;
        prior_used := used;
        -- A clock has come back to a period in which nothing was counted: what was counted while it was ahead belongs
        -- to this period.
        used := CASE WHEN now_is < period THEN used ELSE 0 END;
        period := now_is;
    END IF;
END
$$;
