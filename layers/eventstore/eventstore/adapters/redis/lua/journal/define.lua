#!lua flags=allow-oom
-- Stores, replaces or deletes a definition, unless it was changed meanwhile. All definitions of a kind are in one hash.
--
-- KEYS  1 definitions    name -> definition
--       2 references     name -> reference, of those that have one
--       3 names          the sorted set of the names
-- ARGV  1 name, 2 the definition that the caller read, '' for none, 3 its replacement, '' deletes it, 4 reference or ''
--
-- Answers  1 if it was done, 0 if it was not
local call = redis.call
local definitions, references, names = unpack(KEYS)
local name, old, new, reference = unpack(ARGV)
if (call('HGET', definitions, name) or '') ~= old then return 0 end
if new == '' then
  call('HDEL', definitions, name)
  call('ZREM', names, name)
else
  call('HSET', definitions, name, new)
  call('ZADD', names, 0, name)
end
if reference == '' then call('HDEL', references, name) else call('HSET', references, name, reference) end
return 1
