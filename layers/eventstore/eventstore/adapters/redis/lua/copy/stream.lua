#!lua flags=allow-oom
-- Gives a stream what it has in another store, besides its events. Events before its first one are from then on seen by no
-- reader; trim.lua removes them.
--
-- KEYS  1 events, 2 state, 3 streams    as in log/append.lua
--       4 limits, 5 deleted             as in log/delete.lua
-- ARGV  1 name, 2 head, 3 first, 4 bytes, 5 created, 6 updated, 7 changes, 8 limits and 9 labels (JSON, '' for none),
--       10 '1' if the stream was deleted for good
local call = redis.call
local events, state, streams, limits, deletions = unpack(KEYS)
local name, first = ARGV[1], tonumber(ARGV[3])
call('HSET', state, 'head', ARGV[2], 'first', ARGV[3], 'bytes', ARGV[4], 'created', ARGV[5], 'updated', ARGV[6])
-- As after a deletion: the bytes of events that are left to remove are subtracted, and their removal was reported.
call('HSET', state, 'deleted', string.format('%.0f', first - 1))
local oldest = call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
if oldest and tonumber(oldest[1]:match('^%d+')) < first then
  -- The mark of a deletion that was dispatched: trim.lua clears it, and the stream's place in the set, with the last event.
  call('HSET', state, 'mark', '0-0')
  call('SADD', deletions, name)
else
  call('HSET', state, 'swept', string.format('%.0f', first - 1))
end
local function set_or_delete(field, value)
  if value == '' then call('HDEL', state, field) else call('HSET', state, field, value) end
end
set_or_delete('changes', ARGV[7])
set_or_delete('limits', ARGV[8])
set_or_delete('labels', ARGV[9])
if ARGV[10] == '1' then
  call('HSET', state, 'gone', 1)
  call('ZREM', streams, name)
else
  call('ZADD', streams, 0, name)
end
if ARGV[8] == '' or ARGV[10] == '1' then call('SREM', limits, name) else call('SADD', limits, name) end
