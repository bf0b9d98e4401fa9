#!lua flags=allow-oom
-- Removes an instance, unless it is alive.
--
-- KEYS  1 seen    as in heartbeat.lua
-- ARGV  1 id of the instance, 2 for how many milliseconds a heartbeat counts
--       3 milliseconds since 1970 that replace the server's clock, or nothing
--
-- Answers  1 if it is not there now, 0 if it is alive
local call = redis.call
local last = call('ZSCORE', KEYS[1], ARGV[1])
if last and tonumber(last) > server_time(ARGV[3]) - ARGV[2] then return 0 end
call('ZREM', KEYS[1], ARGV[1])
return 1
