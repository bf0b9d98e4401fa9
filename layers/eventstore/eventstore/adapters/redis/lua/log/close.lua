#!lua flags=allow-oom
-- Closes a partition: from here on it accepts no writes, begins no turn, and no turn that is under way can commit. It can
-- be read. So what was stored before can be copied to another store, and nothing is missing there.
--
-- The mark is in two keys, because each script reads one of them anyway: scripts of journal/ the field `closed`, append.lua
-- and those of turns the bell, and unless_closed.lua the field.
--
-- KEYS  1 partition, 2 turn    as in dispatch/begin.lua
--       3 bell                 as in shared/bell.lua
redis.call('HSET', KEYS[1], 'closed', 1)
redis.call('HINCRBY', KEYS[2], 'token', 1)
redis.call('SET', KEYS[3], CLOSED)
