#!lua flags=allow-oom
-- Records that an instance is alive, and returns all that are.
--
-- KEYS  1 seen    the instances that have neither left nor been forgotten, a sorted set by the time of their last
--                 heartbeat, in milliseconds since 1970
-- ARGV  1 id of the instance, 2 for how many milliseconds a heartbeat counts
--       3 milliseconds since 1970 that replace the server's clock, or nothing
--
-- Answers  {id of each instance that is alive, ...}
local call = redis.call
local seen, now = KEYS[1], string.format('%.0f', server_time(ARGV[3]))
-- A heartbeat of a later time was recorded before the clock was set back. It counts as made now: else its instance could
-- not be found dead until the clock has caught up.
for _, instance in ipairs(call('ZRANGEBYSCORE', seen, '(' .. now, '+inf')) do call('ZADD', seen, now, instance) end
call('ZADD', seen, now, ARGV[1])
return call('ZRANGEBYSCORE', seen, '(' .. string.format('%.0f', now - ARGV[2]), '+inf')
