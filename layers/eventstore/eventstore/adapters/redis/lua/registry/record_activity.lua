#!lua flags=allow-oom
-- Notes that a connection works on a durable subscription, or tells how long ago it last did.
--
-- KEYS  1 connection    as in add_subscription.lua; heard, when it last said something of what it was sent
-- ARGV  1 the milliseconds since 1970 to take for the server's clock, or nothing
--       2 the id of the subscription; without it, nothing is noted
--
-- Answers  with an id: where the subscription is registered, or nothing
--          without: milliseconds since it was heard, or nothing
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if ARGV[2] then
  local where = call('HGET', KEYS[1], 's:' .. ARGV[2])
  if where then call('HSET', KEYS[1], 'heard', string.format('%.0f', now)) end
  return where
end
local heard = tonumber(call('HGET', KEYS[1], 'heard'))
-- A clock that was set back meanwhile says nothing; what was heard counts as heard now.
return heard and math.max(now - heard, 0)
