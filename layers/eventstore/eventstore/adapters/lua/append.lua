-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>
--       2 state     the stream's hash: head, first, bytes, ..., and per event kept its 16-byte key -> sequence
--       3 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>
--       4 ids       the partition's hash: first 8 bytes of an event's key -> '<stream>/<sequence> ...', where it stands
--       5 streams   the partition's sorted set of stream names
-- ARGV  1 name      the stream's
--       2 expected  the head that the caller believes in, or ''
--       3 time      milliseconds since 1970 to store under, or '' for the server's
--       4 places    how many places `ids` lists under one key before it says '*', "and more"
--       5... key, body of each event
--
-- Answers  {'stored', head before, indexes (from 1) and sequences of duplicates..., flagged by limits}
--          {'version', head} | {'gone'} | {'conflict', index, sequence, body stored, ...}
local call = redis.call
local events, state, log, ids, streams = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name = ARGV[1]

local ask = {'head', 'first', 'bytes', 'gone', 'limits'}
local n = 5
for a = 5, #ARGV, 2 do
  n = n + 1
  ask[n] = ARGV[a]
end
local have = call('HMGET', state, unpack(ask))
if have[4] then return {'gone'} end
local head = tonumber(have[1]) or 0
local first = tonumber(have[2]) or 1

local fresh, set, duplicates, conflicts = {}, {'head', 0, 'bytes', 0}, {}, {}
local s, seen, count = 4, {}, 0
for i = 6, n do
  local key, body = ask[i], ARGV[2 * i - 6]
  -- A sequence below `first` belongs to an event that is no longer kept, and whose entry trim has yet to remove.
  local stands = tonumber(have[i])
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
      stored = ARGV[2 * fresh[seen[key]] - 6]
    end
    if stored == body then
      duplicates[#duplicates + 1] = i - 5
      duplicates[#duplicates + 1] = stands
    else
      conflicts[#conflicts + 1] = i - 5
      conflicts[#conflicts + 1] = stands
      conflicts[#conflicts + 1] = stored
    end
  end
end
if #conflicts > 0 then return {'conflict', unpack(conflicts)} end
if count == 0 then return {'stored', head, 0, unpack(duplicates)} end
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= head then return {'version', head} end

-- The log's own clock gives the time: it is the server's, and never goes back.
local id = '*'
if ARGV[3] ~= '' then id = ARGV[3] .. '-*' end
local last = head + count
local reference = count == 1 and last or (head + 1) .. '-' .. last
local stored_at = '-' .. call('XADD', log, id, name, reference):match('^%d+')

local bytes = tonumber(have[3]) or 0
for i = 1, count do
  local body = ARGV[2 * fresh[i] - 6]
  bytes = bytes + #body
  call('XADD', events, head + i .. stored_at, 'e', body)
  local short = ask[fresh[i]]:sub(1, 8)
  local place = name .. '/' .. head + i
  if call('HSETNX', ids, short, place) == 0 then
    local places = call('HGET', ids, short)
    if places:sub(-1) ~= '*' then
      local _, spaces = places:gsub(' ', '')
      call('HSET', ids, short, places .. ' ' .. (spaces + 1 < tonumber(ARGV[4]) and place or '*'))
    end
  end
end

set[2] = last
set[4] = bytes
set[s + 1] = 'updated'
set[s + 2] = stored_at:sub(2)
if not have[1] then
  call('ZADD', streams, 0, name)
  set[s + 3] = 'created'
  set[s + 4] = stored_at:sub(2)
end
call('HSET', state, unpack(set))
return {'stored', head, have[5] and 1 or 0, unpack(duplicates)}
