#!lua flags=allow-oom
-- Leaves a command for a partition's next turn.
--
-- KEYS  1 inbox    the partition's commands, a Redis Stream: <key of the durable subscription> -> <command>
--       2 groups   where each durable subscription stands, by its key; who is not there has ended
--       3 bell     as in append.lua
-- ARGV  1 key, 2 how many commands may wait, 3... commands
--
-- Answers  1 if the partition had no bell on its way, 0 if it had, -1 if the subscription has ended, -2 if too many wait
--
-- A full store takes them, for acknowledgements make room; so they are small (groups.LONGEST_REASON), and not many.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return -1 end
if redis.call('XLEN', KEYS[1]) + #ARGV - 2 > tonumber(ARGV[2]) then return -2 end
for a = 3, #ARGV do redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[a]) end
return redis.call('SET', KEYS[3], 1, 'NX', 'PX', 10000) and 1 or 0
