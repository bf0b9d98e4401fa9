-- Adds a block to the index of attribute values, if the block before it is still the newest one. A block covers all events
-- since the one before it, of which whoever adds it has read only those behind the newest block.
--
-- KEYS  1 blocks    a Redis Stream: the id of the last entry of the log that the block covers, b -> its filter (skip.lua)
-- ARGV  1 id of the newest block, or '', 2 id of this one, 3 its filter
--
-- Answers  1 if it was added, 0 if not
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if (newest and newest[1] or '') ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[1], ARGV[2], 'b', ARGV[3])
return 1
