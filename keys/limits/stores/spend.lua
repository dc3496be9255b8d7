-- What keys_spend is in PostgreSQL (keys/sql/spend.sql), on Redis and its clock.
--
-- KEYS[1]  the pool's counters, a hash. s, ns: when its bucket is full, in seconds since 1970 and nanoseconds, since
--          one number of both would be above 2^53, up to which Lua is exact. day, day_used, month, month_used, and
--          those counted before: prior_day, prior_day_used, prior_month, prior_month_used.
-- KEYS[2]  the set of pools whose quotas are to be written to PostgreSQL.
-- ARGV     pool; cost, in requests; emission and capacity, in nanoseconds; the quotas of day and month, or "";
--          and, where the caller has read them, what PostgreSQL knows: day, day_used, month, month_used.
-- Answers  {admitted, ahead in nanoseconds, now in microseconds, day_used, month_used};
--          or {} when it must be told what PostgreSQL knows.

local pool, cost, emission, capacity = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local daily, monthly = tonumber(ARGV[5]), tonumber(ARGV[6])
local counted = daily or monthly
local time = redis.call('TIME')
local s, us = tonumber(time[1]), tonumber(time[2])
local row = redis.call('HMGET', KEYS[1], 's', 'ns', 'day', 'day_used', 'month', 'month_used',
                       'prior_day', 'prior_day_used', 'prior_month', 'prior_month_used')
local asked = math.max(cost, 1)

-- Never less than nothing: a full bucket gets no fuller. Never more than a whole one: a rate may have been raised.
local debt = 0
if row[1] then debt = (tonumber(row[1]) - s) * 1e9 + tonumber(row[2]) - us * 1000 end
local ahead = math.min(math.max(debt, 0), capacity)
local admitted = asked <= math.floor((capacity - ahead) / emission)

-- Months since the year 0, by Howard Hinnant's "civil_from_days".
local function month_of(day)
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  return (yoe + era * 400) * 12 + math.floor((5 * doy + 2) / 153) + 2  -- its years begin in March
end

-- keys_periods of keys/sql/periods.sql: what is counted now, and what was before it.
local function periods_at(now, period, used, prior, prior_used)
  period, used = tonumber(period or 0), tonumber(used or 0)
  prior, prior_used = tonumber(prior or 0), tonumber(prior_used or 0)
  if now == period or (now == period - 1 and now ~= prior) then return period, used, prior, prior_used end
  if now == prior then return prior, prior_used, period, used end
  return now, now < period and used or 0, period, used
end

local day, day_used, prior_day, prior_day_used = 0, 0, 0, 0
local month, month_used, prior_month, prior_month_used = 0, 0, 0, 0
if counted then
  day = math.floor(s / 86400)
  month = month_of(day)
  if not row[3] and not ARGV[7] then return {} end
  day, day_used, prior_day, prior_day_used = periods_at(day, row[3], row[4], row[7], row[8])
  month, month_used, prior_month, prior_month_used = periods_at(month, row[5], row[6], row[9], row[10])
  if tonumber(ARGV[7]) == day then day_used = math.max(day_used, tonumber(ARGV[8])) end
  if tonumber(ARGV[9]) == month then month_used = math.max(month_used, tonumber(ARGV[10])) end
  admitted = admitted and (not daily or day_used + asked <= daily) and (not monthly or month_used + asked <= monthly)
end

local charged = admitted and cost > 0
if charged then
  ahead = ahead + cost * emission
  if counted then
    day_used, month_used = day_used + cost, month_used + cost
    redis.call('SADD', KEYS[2], pool)
  end
end
local moved = charged or (cost > 0 and debt > capacity)
if moved then
  local ns = us * 1000 + ahead % 1e9
  redis.call('HSET', KEYS[1], 's', s + math.floor(ahead / 1e9) + math.floor(ns / 1e9), 'ns', ns % 1e9)
end
if counted and (charged or ARGV[7]) then
  redis.call('HSET', KEYS[1], 'day', day, 'day_used', day_used, 'month', month, 'month_used', month_used,
             'prior_day', prior_day, 'prior_day_used', prior_day_used,
             'prior_month', prior_month, 'prior_month_used', prior_month_used)
end
if moved or ARGV[7] then
  redis.call('EXPIRE', KEYS[1], math.ceil(ahead / 1e9) + (counted and 32 * 86400 or 1))
end
return {admitted and 1 or 0, ahead, s * 1e6 + us, day_used, month_used}
