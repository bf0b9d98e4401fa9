-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>. An entry holds one
--                   event, or several adjacent ones of one append under the id of the last: <lengths of all bodies but
--                   the last, 4 bytes each> -> <the bodies, concatenated>
--       2 state     the stream's hash: head, first, bytes, ..., and per event kept its 16-byte key -> sequence
--       3 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>,
--                   k -> the keys of these events, concatenated
--       4 streams   the partition's sorted set of stream names
--       5 bell      exists while a wake-up of the partition is outstanding
--       6 partition the partition's hash, if a version is expected
-- ARGV  1 keys      of all events, 16 bytes each, concatenated, because each argument costs the client and the server.
--                   '<expected>/<time>' may follow: the head or version (<head>.<first>.<epoch>) that the caller
--                   expects, and the milliseconds since 1970 to store under; empty is any head, and the server's time
--       2... the field and the value of each entry to store, or the body alone of a single event
--
-- Answers  4 * head before + 1 if the stream has retention + 2 if the partition needs a wake-up;
--          with duplicates {that number, indexes (from 1) and sequences of duplicates...}
--          {'version', head} | {'gone'} | {'conflict', index, sequence, body stored, ...}
local call, sub = redis.call, string.sub
local events, state, log, streams, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local keys, is_single, total = ARGV[1], #ARGV == 2, 1
if not is_single then
  -- The number of events: one per entry, and one more per 4-byte length in its field.
  total = #ARGV / 2 - 0.5
  for a = 2, #ARGV, 2 do total = total + #ARGV[a] / 4 end
end

local expected, time = '', ''
if #keys > 16 * total then
  expected, time = keys:match('^([^/]*)/(%d*)$', 16 * total + 1)
  keys = sub(keys, 1, 16 * total)
end
local name = state:match(':state:(.*)')

local function reply_and_claim_wakeup(head, has_retention)
  local answer = 4 * head
  if has_retention then answer = answer + 1 end
  -- The flag expires, so that later appends make up for a wake-up that was lost.
  if call('EXISTS', bell) == 0 then
    call('SET', bell, 1, 'PX', 10000)
    answer = answer + 2
  end
  return answer
end

-- Adds a reference to the log, and returns its time: the log's clock is the server's, and never goes back.
local function add_reference(reference, event_keys)
  return call('XADD', log, time == '' and '*' or time .. '-*', name, reference, 'k', event_keys):match('^%d+')
end

-- The fast path, for most appends: a single new event.
if is_single then
  local stored = call('HMGET', state, 'head', 'bytes', 'limits', 'gone', keys)
  local head = tonumber(stored[1]) or 0
  if not stored[4] and not stored[5] and (expected == '' or tonumber(expected) == head) then
    local sequence, body = head + 1, ARGV[2]
    local stored_at = add_reference(sequence, keys)
    call('XADD', events, sequence .. '-' .. stored_at, '', body)
    if stored[1] then
      call('HSET', state, 'head', sequence, 'bytes', (tonumber(stored[2]) or 0) + #body, 'updated', stored_at,
        keys, sequence)
    else
      call('ZADD', streams, 0, name)
      call('HSET', state, 'head', 1, 'bytes', #body, 'updated', stored_at, keys, 1, 'created', stored_at)
    end
    return reply_and_claim_wakeup(head, stored[3])
  end
end

local fields = {'head', 'bytes', 'first', 'gone', 'limits'}
for i = 1, total do fields[i + 5] = sub(keys, 16 * i - 15, 16 * i) end
-- A new stream has no keys: for a batch, this call saves a lookup per event.
local is_new = total > 1 and call('EXISTS', state) == 0
local values = is_new and {} or call('HMGET', state, unpack(fields))
if values[4] then return {'gone'} end
local head, first = tonumber(values[1]) or 0, tonumber(values[3]) or 1

-- Appends the bodies of an entry to `bodies`.
local function split_entry(lengths, value, bodies)
  local offset = 1
  for l = 1, #lengths, 4 do
    local length = struct.unpack('<I4', lengths, l)
    bodies[#bodies + 1] = sub(value, offset, offset + length - 1)
    offset = offset + length
  end
  bodies[#bodies + 1] = sub(value, offset)
  return bodies
end

-- The entries of the arguments are split only if events are compared, or not all of them are stored.
local bodies
local function body(i)
  if not bodies then
    bodies = {}
    if is_single then bodies[1] = ARGV[2] end
    for a = 2, #ARGV - 1, 2 do split_entry(ARGV[a], ARGV[a + 1], bodies) end
  end
  return bodies[i]
end

-- `fresh` holds the indexes of the events to store, in order; `updates` the fields of the stream's hash to set.
local fresh, updates, seen, duplicates, conflicts = {}, {'head', 0, 'bytes', 0, 'updated', 0}, {}, {}, {}
local count, u = 0, 6
for i = 1, total do
  local key = fields[i + 5]
  -- A sequence below `first` is that of an event that is no longer kept, whose key trim.lua has yet to remove.
  local sequence = values[i + 5] and tonumber(values[i + 5])
  if sequence and sequence < first then sequence = nil end
  if not sequence and not seen[key] then
    count = count + 1
    fresh[count] = i
    seen[key] = count
    updates[u + 1] = key
    updates[u + 2] = head + count
    u = u + 2
  else
    local stored
    if sequence then
      local entry = call('XRANGE', events, sequence, '+', 'COUNT', 1)[1]
      local entry_bodies = split_entry(entry[2][1], entry[2][2], {})
      stored = entry_bodies[#entry_bodies - (entry[1]:match('^%d+') - sequence)]
    else
      sequence = head + seen[key]
      stored = body(fresh[seen[key]])
    end
    if stored == body(i) then
      duplicates[#duplicates + 1] = i
      duplicates[#duplicates + 1] = sequence
    else
      conflicts[#conflicts + 1] = i
      conflicts[#conflicts + 1] = sequence
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

local last, fresh_keys = head + count, keys
if count < total then
  local parts = {}
  for i = 1, count do parts[i] = fields[fresh[i] + 5] end
  fresh_keys = table.concat(parts)
end
local stored_at = add_reference(count == 1 and last or (head + 1) .. '-' .. last, fresh_keys)

local bytes, sequence, suffix = tonumber(values[2]) or 0, head, '-' .. stored_at
local function store(lengths, value)
  sequence = sequence + #lengths / 4 + 1
  bytes = bytes + #value
  call('XADD', events, sequence .. suffix, lengths, value)
end
if is_single or count < total then
  for i = 1, count do store('', body(fresh[i])) end
else
  for a = 2, #ARGV, 2 do store(ARGV[a], ARGV[a + 1]) end
end

updates[2], updates[4], updates[6] = last, bytes, stored_at
if not values[1] then
  call('ZADD', streams, 0, name)
  updates[u + 1], updates[u + 2] = 'created', stored_at
end
call('HSET', state, unpack(updates))

local answer = reply_and_claim_wakeup(head, values[5])
return #duplicates == 0 and answer or {answer, unpack(duplicates)}
