#!lua flags=allow-oom
-- Makes the groups of a partition what the journal has of them, after Redis was lost or set back.
--
-- KEYS  1 partition    as in fold.lua
--       2 groups, 3 durables, 4 checkpoints, 5 defined    as in start_group.lua
local call = redis.call
local partition, groups, durables, checkpoints, defined = unpack(KEYS)
if call('HDEL', partition, 'unrestored') == 0 then return end
for _, key in ipairs(call('HKEYS', groups)) do
  if call('HEXISTS', checkpoints, key) == 0 then call('HDEL', groups, key) call('HDEL', durables, key) end
end
local stored = call('HGETALL', checkpoints)
for i = 1, #stored, 2 do
  call('HSET', groups, stored[i], stored[i + 1]:match('^%d+|(.*)$'))
  call('HSET', durables, stored[i], call('HGET', defined, stored[i]))
end
