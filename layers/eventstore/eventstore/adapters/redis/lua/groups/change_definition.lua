#!lua flags=allow-oom
-- Replaces the definition of a durable subscription, if it is still the one that is to be replaced.
--
-- KEYS  1 definition    the durable subscription, as its name has it
-- ARGV  1 what it is to be now, 2 what it is to be then
--
-- Answers  1 if it was replaced, 0 if it was not
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
