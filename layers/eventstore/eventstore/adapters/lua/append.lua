-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>
--       2 state     the stream's hash: head, first, bytes, ..., and per event kept its 16-byte key -> sequence
--       3 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>,
--                   k -> the keys of these events, one after the other
--       4 streams   the partition's sorted set of stream names
--       5 bell      there while a bell of the partition is outstanding
-- ARGV  1 keys      of all events, 16 bytes each, in one, for each argument costs the client and the server; behind
--                   them, where there is something to say: '<expected>/<time>', the head that the caller believes
--                   in and the milliseconds since 1970 to store under, for the server's
--       2... each event's body
--
-- Answers  4 * head before + 1 if the stream has limits + 2 if the bell is to be rung;
--          with duplicates {that, indexes (from 1) and sequences of duplicates...}
--          {'version', head} | {'gone'} | {'conflict', index, sequence, body stored, ...}
local call, sub = redis.call, string.sub
local events, state, log = KEYS[1], KEYS[2], KEYS[3]
local keys, given = ARGV[1], #ARGV - 1

local expected, time = '', ''
if #keys > 16 * given then expected, time = keys:match('^(%d*)/(%d*)$', 16 * given + 1) end

local fields = {'head', 'bytes', 'first', 'gone', 'limits'}
for i = 1, given do fields[i + 5] = sub(keys, 16 * i - 15, 16 * i) end
-- A new stream holds none of them: for a batch, one call spares a look for each.
local new = given > 1 and call('EXISTS', state) == 0
local have = new and {} or call('HMGET', state, unpack(fields))
if have[4] then return {'gone'} end
local head, first = tonumber(have[1]) or 0, tonumber(have[3]) or 1

-- `fresh` holds the arguments to store, in their order; `set` what the stream's hash is to say once they are.
local fresh, set, seen, duplicates, conflicts = {}, {'head', 0, 'bytes', 0, 'updated', 0}, {}, {}, {}
local count, s = 0, 6
for i = 1, given do
  local key = fields[i + 5]
  -- A sequence below `first` belongs to an event that is no longer kept, and whose entry trim has yet to remove.
  local stands = have[i + 5] and tonumber(have[i + 5])
  if stands and stands < first then stands = nil end
  if not stands and not seen[key] then
    count = count + 1
    fresh[count] = i
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
      stored = ARGV[fresh[seen[key]] + 1]
    end
    if stored == ARGV[i + 1] then
      duplicates[#duplicates + 1] = i
      duplicates[#duplicates + 1] = stands
    else
      conflicts[#conflicts + 1] = i
      conflicts[#conflicts + 1] = stands
      conflicts[#conflicts + 1] = stored
    end
  end
end
if #conflicts > 0 then return {'conflict', unpack(conflicts)} end
if count == 0 then return {4 * head, unpack(duplicates)} end
if expected ~= '' and tonumber(expected) ~= head then return {'version', head} end

-- The log's own clock gives the time: it is the server's, and never goes back.
local last = head + count
local fresh_keys = keys
if count < given then
  local parts = {}
  for i = 1, count do parts[i] = fields[fresh[i] + 5] end
  fresh_keys = table.concat(parts)
elseif #keys > 16 * given then
  fresh_keys = sub(keys, 1, 16 * given)
end
local name = state:match(':state:(.*)')
local reference = count == 1 and last or (head + 1) .. '-' .. last
local stored_at = call('XADD', log, time == '' and '*' or time .. '-*', name, reference, 'k', fresh_keys):match('^%d+')

local bytes, behind = tonumber(have[2]) or 0, '-' .. stored_at
for i = 1, count do
  local body = ARGV[fresh[i] + 1]
  bytes = bytes + #body
  call('XADD', events, head + i .. behind, 'e', body)
end

set[2], set[4], set[6] = last, bytes, stored_at
if not have[1] then
  call('ZADD', KEYS[4], 0, name)
  set[s + 1], set[s + 2] = 'created', stored_at
end
call('HSET', state, unpack(set))

local answer = 4 * head
if have[5] then answer = answer + 1 end
-- The flag expires, so that a bell that was lost is rung again while there is traffic.
if call('EXISTS', KEYS[5]) == 0 then
  call('SET', KEYS[5], 1, 'PX', 10000)
  answer = answer + 2
end
return #duplicates == 0 and answer or {answer, unpack(duplicates)}
