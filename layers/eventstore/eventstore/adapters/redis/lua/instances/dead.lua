#!lua flags=no-writes
-- Returns the instances whose last heartbeat no longer counts.
--
-- KEYS  1 seen    as in heartbeat.lua
-- ARGV  1 for how many milliseconds a heartbeat counts
--       2 milliseconds since 1970 that replace the server's clock, or nothing
--
-- Answers  {id of each instance, ...}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', server_time(ARGV[2]) - ARGV[1]))
