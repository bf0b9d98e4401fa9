-- Takes a subscription from its connection.
--
-- KEYS  1 connection    as in take.lua
-- ARGV  1 id
--
-- Answers  where it is registered; nil if there is none
local call = redis.call
local field = 's:' .. ARGV[1]
local where = call('HGET', KEYS[1], field)
if not where or where == '' then return false end
call('HSET', KEYS[1], field, '')
call('HINCRBY', KEYS[1], 'active', -1)
return where
