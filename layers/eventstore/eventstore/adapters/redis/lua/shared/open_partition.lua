-- What scripts share that may be the first to write to a partition: it is sent in front of each of them.

-- The format of a new store, as in formats.py: a store without one has format 1.
local FORMAT = 1

-- Draws the epoch of a partition that is new, and notes how many partitions and shards of connections its store has.
--
-- Without an epoch, the store is the index of a journal, which has that of the partition. If the index is lost, it is made
-- again first; if it was, its groups are restored (journal/restore.lua); if it has diverged from the journal
-- (journal/fold.lua), nothing goes on.
local function open_partition(partition, epoch, partitions, shards)
  if epoch == '' then
    local fields = redis.call('HMGET', partition, 'epoch', 'diverged', 'unrestored')
    if fields[2] then error({err = 'DIVERGED ' .. partition .. ' ' .. fields[2]}) end
    if not fields[1] then error({err = 'UNOPENED ' .. partition}) end
    if fields[3] then error({err = 'UNRESTORED ' .. partition}) end
    return
  end
  redis.call('HSETNX', partition, 'epoch', epoch)
  if redis.call('HSETNX', partition, 'partitions', partitions) == 1 then
    redis.call('HSET', partition, 'format', FORMAT, 'shards', shards)
  end
end
