#!lua flags=allow-oom
-- Replaces the settings of a stream, unless they were changed meanwhile.
--
-- KEYS  1 state      as in append.lua; `changes` is how often its settings were changed
--       2 limits     as in create.lua
-- ARGV  1 name, 2 `changes` as the caller read it
--       3 version    '' or '<head>.<first>', which the stream must fields
--       4 limits (JSON, '' for none), 5 labels (JSON, '' for none)
--
-- Answers  {'done'}, or {'gone'} | {'absent'} | {'changed'} if nothing was changed
local call = redis.call
local state, limits = KEYS[1], KEYS[2]
local fields = call('HMGET', state, 'head', 'gone', 'first', 'changes')
if fields[2] then return {'gone'} end
if not fields[1] then return {'absent'} end
if (fields[4] or '0') ~= ARGV[2] then return {'changed'} end
if ARGV[3] ~= '' and fields[1] .. '.' .. (fields[3] or '1') ~= ARGV[3] then return {'changed'} end

for field, value in pairs({limits = ARGV[4], labels = ARGV[5]}) do
  if value == '' then call('HDEL', state, field) else call('HSET', state, field, value) end
end
call('HINCRBY', state, 'changes', 1)
call(ARGV[4] == '' and 'SREM' or 'SADD', limits, ARGV[1])
return {'done'}
