#!lua flags=allow-oom
-- Creates the group of a durable subscription in a partition, or keeps the existing one.
--
-- KEYS  1 partition, 2 log    as in begin.lua
--       3 groups              as in enqueue_commands.lua
--       4 durables            key -> definition of each durable subscription
--       5 bell                as in shared/bell.lua
-- ARGV  1 epoch for a new partition, 2 number of partitions and 3 of shards of a new store
--       4 key, 5 definition
--       6 state of the group (JSON), in which "NOW" is replaced by [time, order, index] of the end of the log, and
--         "REMOVALS" by the removal serial of the partition
--       7 index that means a whole append
--
-- Answers  1 if it was created, 0 if it exists, {'closed'} if the partition accepts no writes
local call = redis.call
local partition, log, groups, durables, bell = unpack(KEYS)
if is_closed(bell) then return {'closed'} end
open_partition(partition, ARGV[1], ARGV[2], ARGV[3])
if call('HEXISTS', groups, ARGV[4]) == 1 then return 0 end
local last = last_entry(log)
local place = '[' .. last:gsub('-', ',') .. ',' .. ARGV[7] .. ']'
call('HSET', durables, ARGV[4], ARGV[5])
local state = ARGV[6]:gsub('"NOW"', place):gsub('"REMOVALS"', call('HGET', partition, 'trims') or '0')
call('HSET', groups, ARGV[4], state)
end_silence(bell)
return 1
