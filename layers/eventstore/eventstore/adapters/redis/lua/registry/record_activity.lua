#!lua flags=allow-oom
-- Records that a connection responded to events of a durable subscription, or returns how long ago it last did.
--
-- KEYS  1 connection    as in add_subscription.lua; heard, when it last responded
-- ARGV  1 milliseconds since 1970 that replace the server's clock, or nothing
--       2 the id of the subscription; without it, nothing is recorded
--
-- Answers  with an id: the record of the subscription, or nothing
--          without: the milliseconds since the connection last responded, or nothing
local call = redis.call
local now = server_time(ARGV[1])
if ARGV[2] then
  local record = call('HGET', KEYS[1], 's:' .. ARGV[2])
  if record then call('HSET', KEYS[1], 'heard', string.format('%.0f', now)) end
  return record
end
local heard = tonumber(call('HGET', KEYS[1], 'heard'))
-- If the clock was set back since, the response counts as made now.
return heard and math.max(now - heard, 0)
