-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>. An entry holds one
--                   event or several of one append that stand together, and its id is that of the last: <lengths of
--                   all bodies but the last, 4 bytes each> -> <the bodies, one after the other>
--       2 state     the stream's hash: head, first, bytes, ..., and per event kept its 16-byte key -> sequence
--       3 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>,
--                   k -> the keys of these events, one after the other
--       4 streams   the partition's sorted set of stream names
--       5 bell      there while a bell of the partition is outstanding
--       6 partition the partition's hash, if a version is expected
-- ARGV  1 keys      of all events, 16 bytes each, in one, for each argument costs the client and the server; behind
--                   them, where there is something to say: '<expected>/<time>', the head or the version that the
--                   caller believes in (<head>.<first>.<epoch>) and the milliseconds since 1970 to store under, for
--                   the server's
--       2... the field and the value of each entry to store, or, of a single event, the body alone
--
-- Answers  4 * head before + 1 if the stream has limits + 2 if the bell is to be rung;
--          with duplicates {that, indexes (from 1) and sequences of duplicates...}
--          {'version', head} | {'gone'} | {'conflict', index, sequence, body stored, ...}
local call, sub = redis.call, string.sub
local events, state, log, streams, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local keys, alone, given = ARGV[1], #ARGV == 2, 1
if not alone then
  given = #ARGV / 2 - 0.5
  for a = 2, #ARGV, 2 do given = given + #ARGV[a] / 4 end
end

local expected, time = '', ''
if #keys > 16 * given then
  expected, time = keys:match('^([^/]*)/(%d*)$', 16 * given + 1)
  keys = sub(keys, 1, 16 * given)
end
local name = state:match(':state:(.*)')

local function answered(head, limits)
  local answer = 4 * head
  if limits then answer = answer + 1 end
  -- The flag expires, so that a bell that was lost is rung again while there is traffic.
  if call('EXISTS', bell) == 0 then
    call('SET', bell, 1, 'PX', 10000)
    answer = answer + 2
  end
  return answer
end

-- The log's own clock gives the time: it is the server's, and never goes back.
local function refer(reference, those)
  return call('XADD', log, time == '' and '*' or time .. '-*', name, reference, 'k', those):match('^%d+')
end

-- One new event, which most appends are, goes straight in.
if alone then
  local have = call('HMGET', state, 'head', 'bytes', 'limits', 'gone', keys)
  local head = tonumber(have[1]) or 0
  if not have[4] and not have[5] and (expected == '' or tonumber(expected) == head) then
    local sequence, body = head + 1, ARGV[2]
    local at = refer(sequence, keys)
    call('XADD', events, sequence .. '-' .. at, '', body)
    if have[1] then
      call('HSET', state, 'head', sequence, 'bytes', (tonumber(have[2]) or 0) + #body, 'updated', at, keys, sequence)
    else
      call('ZADD', streams, 0, name)
      call('HSET', state, 'head', 1, 'bytes', #body, 'updated', at, keys, 1, 'created', at)
    end
    return answered(head, have[3])
  end
end

local fields = {'head', 'bytes', 'first', 'gone', 'limits'}
for i = 1, given do fields[i + 5] = sub(keys, 16 * i - 15, 16 * i) end
-- A new stream holds none of them: for a batch, one call spares a look for each.
local new = given > 1 and call('EXISTS', state) == 0
local have = new and {} or call('HMGET', state, unpack(fields))
if have[4] then return {'gone'} end
local head, first = tonumber(have[1]) or 0, tonumber(have[3]) or 1

local function bodies_of(lengths, value, bodies)
  local at = 1
  for l = 1, #lengths, 4 do
    local length = struct.unpack('<I4', lengths, l)
    bodies[#bodies + 1] = sub(value, at, at + length - 1)
    at = at + length
  end
  bodies[#bodies + 1] = sub(value, at)
  return bodies
end

-- Only where events are compared, or do not all go in, are bodies taken out of what was given.
local bodies
local function body(i)
  if not bodies then
    bodies = {}
    if alone then bodies[1] = ARGV[2] end
    for a = 2, #ARGV - 1, 2 do bodies_of(ARGV[a], ARGV[a + 1], bodies) end
  end
  return bodies[i]
end

-- `fresh` holds the events to store, in their order; `set` what the stream's hash is to say once they are.
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
      local entry = call('XRANGE', events, stands, '+', 'COUNT', 1)[1]
      local held = bodies_of(entry[2][1], entry[2][2], {})
      stored = held[#held - (entry[1]:match('^%d+') - stands)]
    else
      stands = head + seen[key]
      stored = body(fresh[seen[key]])
    end
    if stored == body(i) then
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
if expected ~= '' and tonumber(expected) ~= head then
  local version = KEYS[6] and head .. '.' .. first .. '.' .. (call('HGET', KEYS[6], 'epoch') or '')
  if expected ~= version then return {'version', head} end
end

local last, those = head + count, keys
if count < given then
  local parts = {}
  for i = 1, count do parts[i] = fields[fresh[i] + 5] end
  those = table.concat(parts)
end
local stored_at = refer(count == 1 and last or (head + 1) .. '-' .. last, those)

local bytes, at, behind = tonumber(have[2]) or 0, head, '-' .. stored_at
local function store(lengths, value)
  at = at + #lengths / 4 + 1
  bytes = bytes + #value
  call('XADD', events, at .. behind, lengths, value)
end
if alone or count < given then
  for i = 1, count do store('', body(fresh[i])) end
else
  for a = 2, #ARGV, 2 do store(ARGV[a], ARGV[a + 1]) end
end

set[2], set[4], set[6] = last, bytes, stored_at
if not have[1] then
  call('ZADD', streams, 0, name)
  set[s + 1], set[s + 2] = 'created', stored_at
end
call('HSET', state, unpack(set))

local answer = answered(head, have[5])
return #duplicates == 0 and answer or {answer, unpack(duplicates)}
