#!lua flags=allow-oom
-- Notes the state of the group of a durable subscription, as a turn has left it.
--
-- KEYS  1 groups, 2 durables, 3 checkpoints, 4 defined    as in start_group.lua
-- ARGV  1 key, 2 definition, 3 state, 4 position of the record
--
-- Answers  the position of the record of the checkpoint before, which is of no use any more; 0 if there was none, or the
--          group has ended
local call = redis.call
local groups, durables, checkpoints, defined = unpack(KEYS)
local key = ARGV[1]
local before = call('HGET', checkpoints, key)
if not before then return 0 end
call('HSET', checkpoints, key, ARGV[4] .. '|' .. ARGV[3])
call('HSET', defined, key, ARGV[2])
-- A group that is not there was lost with Redis.
if call('HSETNX', groups, key, ARGV[3]) == 1 then call('HSET', durables, key, ARGV[2]) end
return tonumber(before:match('^%d+'))
