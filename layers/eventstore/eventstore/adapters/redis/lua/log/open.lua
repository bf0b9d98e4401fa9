#!lua flags=allow-oom
-- Returns the epoch of a partition, and creates the partition if it is new.
--
-- The epoch is drawn once. It is lost with the other keys of the partition, so that cursors into lost history are
-- noticed. Only renew.lua replaces it.
--
-- KEYS  1 partition    the partition's hash: epoch, partitions, shards (of connections), format (of all that the store
--                      holds, and of what scripts do with it: formats.py)
-- ARGV  1 epoch for a new partition, 2 number of partitions and 3 of shards of a new store
--
-- Answers  {epoch, partitions, format or nothing, shards or nothing, 1 if it is the index of a journal}
open_partition(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'partitions', 'format', 'shards')
fields[5] = redis.call('HEXISTS', KEYS[1], 'journal')
return fields
