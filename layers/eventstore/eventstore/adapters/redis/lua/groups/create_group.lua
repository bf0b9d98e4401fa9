#!lua flags=allow-oom
-- Founds a durable subscription in a partition, or leaves the one that is there.
--
-- KEYS  1 partition, 2 log    as in begin.lua
--       3 groups              as in enqueue_commands.lua
--       4 durables            what each durable subscription is, by its key
-- ARGV  1 epoch to give a new partition, 2 how many partitions a new store has
--       3 key, 4 what it is, 5 its group, in which "NOW" stands for [time, order, index] of where the log ends, and
--       "REMOVALS" for the removals that the partition has seen,
--       6 index that stands for a whole append
local call = redis.call
local partition, log, groups, durables = unpack(KEYS)
open_partition(partition, ARGV[1], ARGV[2])
if call('HEXISTS', groups, ARGV[3]) == 1 then return 0 end
local last = '0-0'
if call('EXISTS', log) == 1 then
  local about = call('XINFO', 'STREAM', log)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then last = about[i + 1] end
  end
end
local place = '[' .. last:gsub('-', ',') .. ',' .. ARGV[6] .. ']'
call('HSET', durables, ARGV[3], ARGV[4])
local state = ARGV[5]:gsub('"NOW"', place):gsub('"REMOVALS"', call('HGET', partition, 'trims') or '0')
call('HSET', groups, ARGV[3], state)
return 1
