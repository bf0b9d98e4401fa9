#!lua flags=allow-oom
-- Ends a subscription in a partition. Repeating it changes nothing.
--
-- KEYS  1 subscriptions, 2 frames, 3 behind, 4 places, 5 terms    as in commit.lua and begin.lua
-- ARGV  1 key, 2... its index terms
local call = redis.call
local key = ARGV[1]
for k = 1, 2 do call('HDEL', KEYS[k], key) end
call('ZREM', KEYS[3], key)
call('HDEL', KEYS[4], key, 'end:' .. key)
for a = 2, #ARGV do call('ZREM', KEYS[5], ARGV[a] .. ':' .. key) end
