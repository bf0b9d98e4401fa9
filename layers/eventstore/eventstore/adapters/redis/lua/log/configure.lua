#!lua flags=allow-oom
-- Gives a stream other settings, unless they were changed since the caller looked.
--
-- KEYS  1 state      as in append.lua; `changes` counts how often its settings were changed
--       2 limits     as in create.lua
-- ARGV  1 name, 2 changes as the caller knows it
--       3 version    '' or '<head>.<first>' at which the stream must be
--       4 limits (JSON, '' for none), 5 labels (JSON, '' for none)
--
-- Answers  {'gone'} | {'absent'} | {'changed'}, and nothing was done | {'done'}
local call = redis.call
local state, limits = KEYS[1], KEYS[2]
local have = call('HMGET', state, 'head', 'gone', 'first', 'changes')
if have[2] then return {'gone'} end
if not have[1] then return {'absent'} end
if (have[4] or '0') ~= ARGV[2] then return {'changed'} end
if ARGV[3] ~= '' and have[1] .. '.' .. (have[3] or '1') ~= ARGV[3] then return {'changed'} end

for field, value in pairs({limits = ARGV[4], labels = ARGV[5]}) do
  if value == '' then call('HDEL', state, field) else call('HSET', state, field, value) end
end
call('HINCRBY', state, 'changes', 1)
call(ARGV[4] == '' and 'SREM' or 'SADD', limits, ARGV[1])
return {'done'}
