-- KEYS: where each limit keeps the microsecond of the server's clock at which nothing of it is
-- used any more. ARGV: for each key how long one takes to come back, then how long all take, in
-- microseconds. Answers 1 or 0 for admitted or not, then what is used of each limit afterwards.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local admitted, used = 1, {}
for i, key in ipairs(KEYS) do
  local interval, capacity = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local ends = tonumber(redis.call('GET', key) or '') or now
  used[i] = math.min(math.max(ends - now, 0), capacity)
  if used[i] + interval > capacity then
    admitted = 0
  end
end
if admitted == 1 then
  for i, key in ipairs(KEYS) do
    used[i] = used[i] + tonumber(ARGV[2 * i - 1])
    -- Lua writes large numbers with an exponent, and times of expiry are cut to milliseconds.
    redis.call('SET', key, string.format('%.0f', now + used[i]), 'PX', math.ceil(used[i] / 1000) + 1)
  end
end
return {admitted, unpack(used)}
