-- Stores a named filter or a schema, unless there is one of its name.
--
-- KEYS  1 definitions   name -> definition of each named filter, or of each schema by its type
--       2 names         sorted set of the names
-- ARGV  1 name, 2 definition
--
-- Answers  1 if it was stored, 0 if there is one
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
