#!lua flags=allow-oom
-- Reopens a partition that close.lua has closed. The next write wakes it up.
--
-- KEYS  1 partition, 2 bell    as in close.lua
redis.call('HDEL', KEYS[1], 'closed')
if is_closed(KEYS[2]) then redis.call('DEL', KEYS[2]) end
