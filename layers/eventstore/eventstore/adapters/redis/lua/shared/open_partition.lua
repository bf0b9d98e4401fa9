-- What scripts share that may be the first to write to a partition: it is sent in front of each of them.

-- The format of a new store, as in formats.py: a store without one has format 1.
local FORMAT = 1

-- Draws the epoch of a partition that is new, and notes how many partitions and shards of connections its store has.
--
-- Without an epoch, the journal has that of the partition, and the index was lost: it is made again first.
local function open_partition(partition, epoch, partitions, shards)
  if epoch == '' then
    if redis.call('HEXISTS', partition, 'epoch') == 0 then error({err = 'UNOPENED ' .. partition}) end
    return
  end
  redis.call('HSETNX', partition, 'epoch', epoch)
  if redis.call('HSETNX', partition, 'partitions', partitions) == 1 then
    redis.call('HSET', partition, 'format', FORMAT, 'shards', shards)
  end
end
