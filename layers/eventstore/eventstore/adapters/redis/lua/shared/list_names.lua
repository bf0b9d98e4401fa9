#!lua flags=allow-oom
-- Adds a name to a sorted set: the id of a connection by the time it was opened, or the name of a durable subscription.
--
-- KEYS  1 the sorted set
-- ARGV  1 name, 2 score
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
