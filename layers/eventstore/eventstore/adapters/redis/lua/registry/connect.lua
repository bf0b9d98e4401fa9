#!lua flags=allow-oom
-- Registers a connection.
--
-- KEYS  1 connection    as in add_subscription.lua
-- ARGV  1 protocol, 2 opened: when it was opened, in milliseconds since 1970
redis.call('HSET', KEYS[1], 'protocol', ARGV[1], 'opened', ARGV[2])
