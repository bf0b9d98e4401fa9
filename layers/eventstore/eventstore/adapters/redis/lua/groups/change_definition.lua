#!lua flags=allow-oom
-- Replaces the definition of a durable subscription, unless it was changed meanwhile.
--
-- KEYS  1 definition    the definition, by the subscription's name
-- ARGV  1 the definition that the caller read, 2 its replacement
--
-- Answers  1 if it was replaced, 0 if it was not
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
