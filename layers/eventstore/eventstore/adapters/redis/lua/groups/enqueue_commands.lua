#!lua flags=allow-oom
-- Appends commands to the inbox of a partition, for its next turns.
--
-- KEYS  1 inbox    the partition's commands, a Redis Stream: <key of the durable subscription> -> <command>
--       2 groups   key -> state of the group of each durable subscription; keys that are absent have ended
--       3 bell     as in shared/bell.lua
-- ARGV  1 key, 2 maximum number of waiting commands, 3... commands
--
-- Answers  1 if the partition had no wake-up outstanding, 0 if it had, -1 if the subscription has ended, -2 if the
--          inbox is full; {'closed'} if the partition accepts no writes
--
-- A full store accepts commands, because acknowledgements free memory. So commands are small (groups.LONGEST_REASON),
-- and their number is limited.
if is_closed(KEYS[3]) then return {'closed'} end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return -1 end
if redis.call('XLEN', KEYS[1]) + #ARGV - 2 > tonumber(ARGV[2]) then return -2 end
for a = 3, #ARGV do redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[a]) end
return claim_wakeup(KEYS[3]) and 1 or 0
