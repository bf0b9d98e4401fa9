#!lua flags=allow-oom
-- Gives a connection a subscription.
--
-- KEYS  1 connection    the connection's hash: protocol, opened, active (how many subscriptions it has), and per
--                       subscription s:<id> -> where it is registered, or the name of a durable one; '' once it has
--                       ended, for ids serve once
-- ARGV  1 id, 2 where it is registered, 3 how many it may have
--
-- Answers  'taken' | 'absent' | 'used' | 'many'
local call = redis.call
local field = 's:' .. ARGV[1]
local have = call('HMGET', KEYS[1], 'protocol', 'active', field)
if not have[1] then return 'absent' end
-- A durable one that was taken before is taken again: the first answer was lost. No other has a place twice.
if have[3] == ARGV[2] then return 'taken' end
if have[3] then return 'used' end
if tonumber(have[2] or 0) >= tonumber(ARGV[3]) then return 'many' end
call('HSET', KEYS[1], field, ARGV[2])
call('HINCRBY', KEYS[1], 'active', 1)
return 'taken'
