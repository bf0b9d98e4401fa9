-- Creates a stream, or returns the settings of the existing one.
--
-- KEYS  1 state, 2 streams    as in append.lua
--       3 limits              the partition's set of streams that fields limits
-- ARGV  1 name, 2 time ('' for the server's), 3 limits (JSON, '' for none), 4 labels (JSON, '' for none)
--
-- Answers  {'created'} | {'exists', limits, labels} | {'gone'}
local fields = redis.call('HMGET', KEYS[1], 'head', 'gone', 'limits', 'labels')
if fields[2] then return {'gone'} end
if fields[1] then return {'exists', fields[3] or '', fields[4] or ''} end
local time = ARGV[2]
if time == '' then
  local now = redis.call('TIME')
  time = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
end
redis.call('HSET', KEYS[1], 'head', 0, 'bytes', 0, 'created', time, 'updated', time)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'limits', ARGV[3])
  redis.call('SADD', KEYS[3], ARGV[1])
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'labels', ARGV[4]) end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return {'created'}
