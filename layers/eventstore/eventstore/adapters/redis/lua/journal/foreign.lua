#!lua flags=allow-oom
-- The step of a record that is not understood: it is counted, and passed over.
--
-- KEYS  1 partition    as in fold.lua
redis.call('HINCRBY', KEYS[1], 'foreign', 1)
