#!lua flags=allow-oom
-- Returns the end of a partition's log, with the epoch and the removal serial of the same moment. Creates the partition
-- if it is new.
--
-- KEYS  1 partition, 2 log    as in begin.lua
-- ARGV  1 epoch for a new partition, 2 number of partitions and 3 of shards of a new store
--
-- Answers  {epoch, id of the last entry that the log has ever had, removal serial}
open_partition(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'trims')
return {fields[1], last_entry(KEYS[2]), fields[2] or '0'}
