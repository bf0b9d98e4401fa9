#!lua flags=allow-oom
-- Registers a connection.
--
-- KEYS  1 connection    as in add_subscription.lua
--       credential: [subject, [tenant, ...], [prefix, ...]] in JSON; absent where it names nothing and allows everything
-- ARGV  1 protocol, 2 opened: when it was opened, in milliseconds since 1970, 3 credential, or ''
redis.call('HSET', KEYS[1], 'protocol', ARGV[1], 'opened', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'credential', ARGV[3]) end
