#!lua flags=allow-oom
-- Starts a subscription in a partition: its next turn carries it to the live end, whatever comes meanwhile.
--
-- KEYS  1 partition, 2 turn, 3 bell, 4 log, 5 behind, 6 places    as in begin.lua
--       7 subscriptions, 8 frames                                 as in commit.lua
-- ARGV  1 epoch to give a new partition, 2 how many partitions a new store has
--       3 key, 4 what the subscription is, 5 <time>-<order>-<index> to start behind, or 'now'
--       6 index that stands for a whole append
--
-- Answers  {epoch, <time>-<order>-<index>, trims}
local call = redis.call
local partition, turn, bell, log, behind, places, subscriptions, frames = unpack(KEYS)
local key, place = ARGV[3], ARGV[5]

open_partition(partition, ARGV[1], ARGV[2])
local told = call('HMGET', partition, 'epoch', 'trims')
local trims = told[2] or '0'
local last = '0-0'
if call('EXISTS', log) == 1 then
  -- Not the newest entry: that may have been removed, and was there before.
  local about = call('XINFO', 'STREAM', log)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then last = about[i + 1] end
  end
end
if place == 'now' then
  place = last .. '-' .. ARGV[6]
elseif last ~= '0-0' then
  -- Live delivery may be far from here yet: who has caught up has all that is stored by now.
  call('HSET', places, 'end:' .. key, last)
end
call('HSET', subscriptions, key, ARGV[4])
call('HSET', places, key, place .. '-' .. trims)
local have = call('HMGET', turn, 'token', 'leap')
-- Its first frame is number 1, however far the numbers of others are ahead.
if have[2] then call('HSET', frames, key, -have[2]) end
-- Behind all that wait for their first turn already, and before all that have had one since.
call('ZADD', behind, have[1] or 0, key)
-- Who subscribes rings the bell in any case, so nobody else need.
call('SET', bell, 1, 'NX', 'PX', 10000)
return {told[1], place, trims}
