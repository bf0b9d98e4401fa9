-- What scripts share that may be the first to write to a partition: it is sent in front of each of them.

-- The format of a new store, as in formats.py: a store without one has format 1.
local FORMAT = 1

-- Draws the epoch of a partition that is new, and notes how many partitions and shards of connections its store has.
local function open_partition(partition, epoch, partitions, shards)
  redis.call('HSETNX', partition, 'epoch', epoch)
  if redis.call('HSETNX', partition, 'partitions', partitions) == 1 then
    redis.call('HSET', partition, 'format', FORMAT, 'shards', shards)
  end
end
