#!lua flags=allow-oom
-- Records a subscription at its connection.
--
-- KEYS  1 connection    the connection's hash: protocol, opened, active (the number of its subscriptions), and for each
--                       subscription s:<id> -> its record: its key, partitions and terms, or the name of a durable
--                       subscription; '' once it has ended, because ids are used once; and d:<id> -> its definition,
--                       if it is stored nowhere else
-- ARGV  1 id, 2 record, 3 maximum number of subscriptions, 4 definition, or ''
--
-- Answers  'taken' | 'absent' | 'used' | 'many'
local call = redis.call
local field = 's:' .. ARGV[1]
local values = call('HMGET', KEYS[1], 'protocol', 'active', field)
if not values[1] then return 'absent' end
-- Joining a durable subscription can be repeated, if the first answer was lost. Records of others are never equal.
if values[3] == ARGV[2] then return 'taken' end
if values[3] then return 'used' end
if tonumber(values[2] or 0) >= tonumber(ARGV[3]) then return 'many' end
call('HSET', KEYS[1], field, ARGV[2])
if ARGV[4] ~= '' then call('HSET', KEYS[1], 'd:' .. ARGV[1], ARGV[4]) end
call('HINCRBY', KEYS[1], 'active', 1)
return 'taken'
