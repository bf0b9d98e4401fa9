#!lua flags=allow-oom
-- Starts a subscription in a partition. Its turns catch it up to the end of the log, then deliver live.
--
-- KEYS  1 partition, 2 turn, 3 bell, 4 log, 5 behind, 6 places    as in begin.lua
--       7 subscriptions, 8 frames                                 as in commit.lua
-- ARGV  1 epoch for a new partition, 2 number of partitions and 3 of shards of a new store
--       4 key, 5 definition, 6 position to start after, <time>-<order>-<index>, or 'now'
--       7 index that means a whole append
--
-- Answers  {epoch, <time>-<order>-<index> of the start, removal serial}
local call = redis.call
local partition, turn, bell, log, behind, places, subscriptions, frames = unpack(KEYS)
local key, place = ARGV[4], ARGV[6]

open_partition(partition, ARGV[1], ARGV[2], ARGV[3])
local partition_fields = call('HMGET', partition, 'epoch', 'trims')
local epoch, removals = partition_fields[1], partition_fields[2] or '0'
local last = last_entry(log)
if place == 'now' then
  place = last .. '-' .. ARGV[7]
elseif last ~= '0-0' then
  -- Live delivery may be far behind: the subscription has caught up when it has all events that are stored by now.
  call('HSET', places, 'end:' .. key, last)
end
call('HSET', subscriptions, key, ARGV[5])
call('HSET', places, key, place .. '-' .. removals)
local turn_fields = call('HMGET', turn, 'token', 'leap')
-- Its first frame has number 1, whatever the frame offset.
if turn_fields[2] then call('HSET', frames, key, -turn_fields[2]) end
-- After all that wait for their first turn, and before all that have had one since.
call('ZADD', behind, turn_fields[1] or 0, key)
-- The subscriber wakes the partition up in any case, so no other client needs to.
claim_wakeup(bell)
return {epoch, place, removals}
