#!lua flags=allow-oom
-- Opens a partition, and makes it if it is new.
--
-- The epoch is drawn once and lost with the partition's other keys, so that a cursor into lost history is noticed. Only
-- renew.lua gives another one.
--
-- KEYS  1 partition    the partition's hash: epoch, partitions
-- ARGV  1 epoch to give a new partition, 2 how many partitions a new store has
--
-- Answers  {epoch, partitions}
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
return redis.call('HMGET', KEYS[1], 'epoch', 'partitions')
