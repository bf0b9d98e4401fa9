#!lua flags=allow-oom
-- The step of the first record of a partition: gives it its epoch, and the numbers of its store, unless it has them. Later
-- such records come from who did not see the first one, and change nothing, or give the partition a new epoch.
--
-- KEYS  1 partition, 2 turn    as in log/renew.lua
-- ARGV  1 epoch, 2 number of partitions, 3 number of shards, 4 format
--       5 '1' to replace the epoch
--
-- Answers  the epoch
if redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'partitions', ARGV[2], 'shards', ARGV[3], 'format', ARGV[4])
elseif ARGV[5] == '1' then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
  leap(KEYS[2])
end
return redis.call('HGET', KEYS[1], 'epoch')
