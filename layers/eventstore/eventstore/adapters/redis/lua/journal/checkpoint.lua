#!lua flags=allow-oom
-- Notes the state of the group of a durable subscription, as a turn has left it, unless a later turn was noted: a process
-- may hang between its commit and this.
--
-- KEYS  1 groups, 2 durables, 3 checkpoints, 4 defined    as in start_group.lua
-- ARGV  1 key, 2 fencing token of the turn, 3 definition, 4 state, 5 position of the record
--
-- Answers  the position of the record that is of no use any more: that of the checkpoint before, or this one; 0 for none
local call = redis.call
local groups, durables, checkpoints, defined = unpack(KEYS)
local key = ARGV[1]
local before = call('HGET', checkpoints, key)
if not before then return tonumber(ARGV[5]) end
local position, token = before:match('^(%d+)|(%d+)|')
if tonumber(token) > tonumber(ARGV[2]) then return tonumber(ARGV[5]) end
call('HSET', checkpoints, key, ARGV[5] .. '|' .. ARGV[2] .. '|' .. ARGV[4])
call('HSET', defined, key, ARGV[3])
-- A group that is not there was lost with Redis.
if call('HSETNX', groups, key, ARGV[4]) == 1 then call('HSET', durables, key, ARGV[3]) end
return tonumber(position)
