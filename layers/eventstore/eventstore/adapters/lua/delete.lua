#!lua flags=allow-oom
-- Deletes a stream's events at once, as readers see it; trim.lua then removes them, a bounded number at a time.
--
-- KEYS  1 state, 2 streams    as in append.lua
--       3 limits              as in create.lua
-- ARGV  1 name, 2 permanently ('1' or '0')
--
-- Answers  {'deleted'} | {'gone'} | {'absent'}
local have = redis.call('HMGET', KEYS[1], 'head', 'gone')
if not have[1] then return {'absent'} end
if have[2] then return {'gone'} end
-- `head` stays: sequences never restart.
redis.call('HSET', KEYS[1], 'first', string.format('%.0f', have[1] + 1))
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'gone', 1)
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('SREM', KEYS[3], ARGV[1])
end
return {'deleted'}
