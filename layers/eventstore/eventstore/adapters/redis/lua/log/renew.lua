#!lua flags=allow-oom
-- Gives a partition a new epoch: who holds a cursor into what it was before is told so, and starts over.
--
-- Nothing else tells that the store is older than what its clients remember. So the numbers of frames leap as well:
-- whoever was sent frames that are lost would take the next ones for repeats, and notices a hole instead. And tokens
-- leap: a turn that was begun in the lost history would else hold one that this one gives out again, and advance here.
--
-- KEYS  1 partition, 2 turn    as in begin.lua
-- ARGV  1 the new epoch, 2 how many partitions a new store has
--
-- Answers  the new epoch
local call = redis.call
-- As in begin.lua, where a turn takes it in.
local LEAP = 100000

open_partition(KEYS[1], ARGV[1], ARGV[2])
call('HSET', KEYS[1], 'epoch', ARGV[1])
call('HINCRBY', KEYS[2], 'leap', LEAP)
-- Before the first turn nothing waits for dispatch (trim.lua), so it is not to look as if there had been one.
if call('HEXISTS', KEYS[2], 'token') == 1 then call('HINCRBY', KEYS[2], 'token', LEAP) end
return ARGV[1]
