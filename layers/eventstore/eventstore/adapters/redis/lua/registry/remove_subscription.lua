#!lua flags=allow-oom
-- Takes a subscription from its connection.
--
-- KEYS  1 connection    as in add_subscription.lua
-- ARGV  1 id
--
-- Ending one that has ended changes nothing.
local call = redis.call
local field = 's:' .. ARGV[1]
local where = call('HGET', KEYS[1], field)
if not where or where == '' then return end
call('HSET', KEYS[1], field, '')
call('HINCRBY', KEYS[1], 'active', -1)
