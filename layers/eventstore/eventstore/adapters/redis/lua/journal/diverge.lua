#!lua flags=allow-oom
-- Notes why nothing of a partition can be folded any more, unless its index was made anew since that was found out.
--
-- KEYS  1 partition    as in fold.lua
-- ARGV  1 how far the index was folded then, 2 why
--
-- Answers  1 if it is noted, 0 if not
if (tonumber(redis.call('HGET', KEYS[1], 'folded')) or 0) < tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'diverged', ARGV[2])
return 1
