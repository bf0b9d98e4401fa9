#!lua flags=allow-oom
-- Lists a name in a sorted set: of connections, by when they were made, or of durable subscriptions.
--
-- KEYS  1 the sorted set
-- ARGV  1 name, 2 score
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
