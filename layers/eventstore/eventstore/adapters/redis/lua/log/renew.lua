#!lua flags=allow-oom
-- Gives a partition a new epoch, so that clients with older cursors notice the reset, and start over.
--
-- The store was restored and is older than its clients' knowledge. So frame numbers move far ahead: a subscriber that
-- received frames of the lost history would otherwise drop the next ones as repeats; now it notices a gap. Fencing
-- tokens move ahead, too: otherwise a turn that began in the lost history could hold a token that is issued again, and
-- commit.
--
-- KEYS  1 partition, 2 turn    as in begin.lua
-- ARGV  1 the new epoch, 2 number of partitions and 3 of shards of a new store
--
-- Answers  the new epoch
local call = redis.call
-- As in begin.lua.
local OFFSET_STEP = 100000

open_partition(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
call('HSET', KEYS[1], 'epoch', ARGV[1])
call('HINCRBY', KEYS[2], 'leap', OFFSET_STEP)
call('HINCRBY', KEYS[2], 'token', OFFSET_STEP)
return ARGV[1]
