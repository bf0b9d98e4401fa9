#!lua flags=allow-oom
-- Marks a subscription of a connection as ended. Repeating it changes nothing.
--
-- KEYS  1 connection    as in add_subscription.lua
-- ARGV  1 id
local call = redis.call
local field = 's:' .. ARGV[1]
local record = call('HGET', KEYS[1], field)
if not record or record == '' then return end
call('HSET', KEYS[1], field, '')
call('HDEL', KEYS[1], 'd:' .. ARGV[1])
call('HINCRBY', KEYS[1], 'active', -1)
