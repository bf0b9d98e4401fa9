#!lua flags=allow-oom
-- Ends the lease of a partition, if the instance holds it.
--
-- KEYS  1 turn    as in begin.lua
-- ARGV  1 id of the instance
local call = redis.call
if call('HGET', KEYS[1], 'dispatcher') == ARGV[1] then
  -- With the alarm: the turn was scheduled in the memory of the instance.
  call('HDEL', KEYS[1], 'dispatcher', 'lease', 'term', 'alarm')
end
