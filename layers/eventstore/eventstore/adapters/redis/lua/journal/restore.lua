#!lua flags=allow-oom
-- Makes the groups of a partition what the journal has of them, after Redis was lost or set back. A turn that was under
-- way then, and commands that waited, are of the time before that: most of these were applied since.
--
-- KEYS  1 partition    as in fold.lua
--       2 groups, 3 durables, 4 checkpoints, 5 defined    as in start_group.lua
--       6 turn, 7 inbox    as in dispatch/begin.lua
local call = redis.call
local partition, groups, durables, checkpoints, defined, turn, inbox = unpack(KEYS)
-- Of an index that is not whole yet, not all checkpoints are there.
if call('HEXISTS', partition, 'goal') == 1 or call('HDEL', partition, 'unrestored') == 0 then return end
call('HDEL', turn, 'goal', 'fixed', 'cut', 'trims', 'behind', 'inbox', 'now')
call('DEL', inbox)
for _, key in ipairs(call('HKEYS', groups)) do
  if call('HEXISTS', checkpoints, key) == 0 then call('HDEL', groups, key) call('HDEL', durables, key) end
end
local stored = call('HGETALL', checkpoints)
for i = 1, #stored, 2 do
  call('HSET', groups, stored[i], stored[i + 1]:match('^%d+|%d+|(.*)$'))
  call('HSET', durables, stored[i], call('HGET', defined, stored[i]))
end
