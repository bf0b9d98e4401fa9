#!lua flags=allow-oom
-- Replaces or deletes a named filter or a schema, unless it was changed meanwhile.
--
-- KEYS  1 definitions, 2 names    as in create_filter.lua
-- ARGV  1 name, 2 the definition that the caller read, 3 its replacement; without one, the filter is deleted
--
-- Answers  1 if it was replaced or deleted, 0 if it was not
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
