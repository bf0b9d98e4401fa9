#!lua flags=allow-oom
-- Deletes the group of a durable subscription in a partition.
--
-- KEYS  1 groups, 2 durables, 3 checkpoints, 4 defined    as in start_group.lua
-- ARGV  1 key
--
-- Answers  the position of the record of its last checkpoint, which is of no use any more; 0 if there was none
local stored = redis.call('HGET', KEYS[3], ARGV[1]) or '0|'
for _, hash in ipairs(KEYS) do redis.call('HDEL', hash, ARGV[1]) end
return tonumber(stored:match('^%d+'))
