#!lua flags=allow-oom
-- Opens a partition, and makes it if it is new.
--
-- The epoch is drawn once and lost with the partition's other keys, so that a cursor into lost history is noticed. Only
-- renew.lua gives another one.
--
-- KEYS  1 partition    the partition's hash: epoch, partitions, format (of all that the store holds, and of what scripts
--                      do with it: formats.py)
-- ARGV  1 epoch to give a new partition, 2 how many partitions a new store has
--
-- Answers  {epoch, partitions, format or nothing}
open_partition(KEYS[1], ARGV[1], ARGV[2])
return redis.call('HMGET', KEYS[1], 'epoch', 'partitions', 'format')
