#!lua flags=allow-oom
-- Has the turns of a partition continue those of another store: from its checkpoint, with numbers of frames and fencing tokens
-- that nobody has met there.
--
-- KEYS  1 turn    as in dispatch/begin.lua
-- ARGV  1 the checkpoint, or ''
leap(KEYS[1])
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], 'done', ARGV[1]) end
