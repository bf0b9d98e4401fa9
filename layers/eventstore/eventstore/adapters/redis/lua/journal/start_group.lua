#!lua flags=allow-oom
-- Creates the group of a durable subscription in a partition, unless it was created before.
--
-- KEYS  1 partition, 2 log, 3 groups, 4 durables, 5 bell    as in groups/create_group.lua
--       6 checkpoints    key -> <position>|<fencing token>|<state> of the group of each durable subscription, as it was
--                        journaled last: the position of the record of its checkpoint, and the turn that left it so; 0
--                        if there was none yet. Turns change `groups` and know nothing of these; they are the groups
--                        again if Redis is lost, or set back
--       7 defined        key -> definition, likewise
-- ARGV  1 key, 2 definition, 3 state of the group (JSON) as in groups/create_group.lua, 4 index that means a whole append
--
-- Answers  1 if it was created, 0 if it was before
local call = redis.call
local partition, log, groups, durables, bell, checkpoints, defined = unpack(KEYS)
local key = ARGV[1]
if call('HEXISTS', checkpoints, key) == 1 then return 0 end
local place = '[' .. last_entry(log):gsub('-', ',') .. ',' .. ARGV[4] .. ']'
local state = ARGV[3]:gsub('"NOW"', place):gsub('"REMOVALS"', call('HGET', partition, 'trims') or '0')
call('HSET', checkpoints, key, '0|0|' .. state)
call('HSET', defined, key, ARGV[2])
if call('HSETNX', groups, key, state) == 1 then call('HSET', durables, key, ARGV[2]) end
end_silence(bell)
return 1
