#!lua flags=allow-oom
-- Replaces the definition of a durable subscription, and its reference to a named filter, unless the definition was
-- changed meanwhile.
--
-- KEYS  1 definition, 2 reference    as in create_definition.lua
-- ARGV  1 the definition that the caller read, 2 its replacement, 3 the reference, if it has one
--
-- Answers  1 if it was replaced, 0 if it was not
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[3] then
  redis.call('SET', KEYS[2], ARGV[3])
else
  redis.call('DEL', KEYS[2])
end
return 1
