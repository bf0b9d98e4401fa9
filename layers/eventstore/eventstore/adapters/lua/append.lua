-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>
--       2 state     the stream's hash: head, first, bytes, ..., and per event kept its 16-byte key -> sequence
--       3 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>,
--                   k -> the keys of these events, one after the other
--       4 streams   the partition's sorted set of stream names
-- ARGV  1 name      the stream's
--       2 expected  the head that the caller believes in, or ''
--       3 time      milliseconds since 1970 to store under, or '' for the server's
--       4 keys      of all events, 16 bytes each, in one, for each argument costs the client and the server
--       5... each event's body
--
-- Answers  {'stored', head before, 1 if the stream has limits, indexes (from 1) and sequences of duplicates...}
--          {'version', head} | {'gone'} | {'conflict', index, sequence, body stored, ...}
local call, sub = redis.call, string.sub
local events, state, log, streams = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, expected, time, keys = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local fields = {'head', 'bytes', 'first', 'gone', 'limits'}
for a = 5, #ARGV do fields[a + 1] = sub(keys, 16 * a - 79, 16 * a - 64) end
-- A new stream holds none of them: for a batch, one call spares a look for each.
local new = #ARGV > 5 and call('EXISTS', state) == 0
local have = new and {} or call('HMGET', state, unpack(fields))
if have[4] then return {'gone'} end
local head, first = tonumber(have[1]) or 0, tonumber(have[3]) or 1

-- `fresh` holds the arguments to store, in their order; `set` what the stream's hash is to say once they are.
local fresh, set, seen, duplicates, conflicts = {}, {'head', 0, 'bytes', 0, 'updated', 0}, {}, {}, {}
local count, s = 0, 6
for a = 5, #ARGV do
  local key = fields[a + 1]
  -- A sequence below `first` belongs to an event that is no longer kept, and whose entry trim has yet to remove.
  local stands = have[a + 1] and tonumber(have[a + 1])
  if stands and stands < first then stands = nil end
  if not stands and not seen[key] then
    count = count + 1
    fresh[count] = a
    seen[key] = count
    set[s + 1] = key
    set[s + 2] = head + count
    s = s + 2
  else
    local stored
    if stands then
      stored = call('XRANGE', events, stands, stands)[1][2][2]
    else
      stands = head + seen[key]
      stored = ARGV[fresh[seen[key]]]
    end
    if stored == ARGV[a] then
      duplicates[#duplicates + 1] = a - 4
      duplicates[#duplicates + 1] = stands
    else
      conflicts[#conflicts + 1] = a - 4
      conflicts[#conflicts + 1] = stands
      conflicts[#conflicts + 1] = stored
    end
  end
end
if #conflicts > 0 then return {'conflict', unpack(conflicts)} end
if count == 0 then return {'stored', head, 0, unpack(duplicates)} end
if expected ~= '' and tonumber(expected) ~= head then return {'version', head} end

-- The log's own clock gives the time: it is the server's, and never goes back.
local last = head + count
local fresh_keys = keys
if count < #ARGV - 4 then
  local parts = {}
  for i = 1, count do parts[i] = fields[fresh[i] + 1] end
  fresh_keys = table.concat(parts)
end
local reference = count == 1 and last or (head + 1) .. '-' .. last
local stored_at = call('XADD', log, time == '' and '*' or time .. '-*', name, reference, 'k', fresh_keys):match('^%d+')

local bytes, behind = tonumber(have[2]) or 0, '-' .. stored_at
for i = 1, count do
  local body = ARGV[fresh[i]]
  bytes = bytes + #body
  call('XADD', events, head + i .. behind, 'e', body)
end

set[2], set[4], set[6] = last, bytes, stored_at
if not have[1] then
  call('ZADD', streams, 0, name)
  set[s + 1], set[s + 2] = 'created', stored_at
end
call('HSET', state, unpack(set))
return {'stored', head, have[5] and 1 or 0, unpack(duplicates)}
