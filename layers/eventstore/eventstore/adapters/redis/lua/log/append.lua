-- Appends events to a stream, all or none, each source and id once.
--
-- KEYS  1 events    the stream's events, a Redis Stream; ids are <sequence>-<milliseconds stored>. An entry holds one
--                   event, or several adjacent ones of one append under the id of the last: <lengths of all bodies but
--                   the last, 4 bytes each> -> <the bodies, concatenated>
--       2 state     the stream's hash: head, first, bytes, ..., per event kept its 16-byte key -> sequence, and
--                   digests: the first chunk in `digests`
--       3 digests   a hash of the stream's chunks, each of 32 sequences: number of the chunk -> the digests of these
--                   events, 17 bytes each, the first byte of which is the version (cloudevents/digest.py). Where that
--                   is 0, or where the string ends before, a version of the hub that had no digests has stored the
--                   event: then bodies are compared
--       4 log       the partition's references, a Redis Stream: <stream> -> <sequence> or <first>-<last>,
--                   k -> the keys of these events, concatenated
--       5 streams   the partition's sorted set of stream names
--       6 bell      the wake-up flag, as in shared/bell.lua
--       7 partition the partition's hash, if a version is expected
-- ARGV  1 keys      of all events, 16 bytes each, and digests of all events, 17 bytes each; concatenated, because each
--                   argument costs the client and the server. '<expected>/<time>' may follow: the head or version (<head>.<first>.<epoch>) that the caller
--                   expects, and the milliseconds since 1970 to store under; empty is any head, and the server's time
--       2... the field and the value of each entry to store, or the body alone of a single event
--
-- Answers  4 * head before + 1 if the stream has retention + 2 if the partition needs a wake-up;
--          with duplicates {that number, indexes (from 1) and sequences of duplicates...}
--          {'version', head} | {'gone'} | {'closed'} |
--          {'conflict', index, sequence, body stored, or its digest if it is cold, or '' if the digests decide, ...}
local call, sub = redis.call, string.sub
local events, state, digests, log, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6]
-- Read once, for the answer and because a closed partition (close.lua) stores nothing.
local bell_state = call('GET', bell)
if bell_state == '2' then return {'closed'} end
local is_single, total = #ARGV == 2, 1
-- The number of sequences of a chunk; trim.lua has it, too.
local CHUNK = 32
if not is_single then
  -- The number of events: one per entry, and one more per 4-byte length in its field.
  total = #ARGV / 2 - 0.5
  for a = 2, #ARGV, 2 do total = total + #ARGV[a] / 4 end
end

local expected, time = '', ''
if #ARGV[1] > 33 * total then
  expected, time = ARGV[1]:match('^([^/]*)/(%d*)$', 33 * total + 1)
end
local keys, new_digests = sub(ARGV[1], 1, 16 * total), sub(ARGV[1], 16 * total + 1, 33 * total)
local name = sub(state, state:find(':state:', 1, true) + 7)
-- The log's clock is the server's, and never goes back.
local log_id = time == '' and '*' or time .. '-*'

-- The fast path, for most appends: a single new event. It does what the functions below do, without creating them:
-- that costs a tenth of the script.
if is_single then
  local stored = call('HMGET', state, 'head', 'bytes', 'limits', 'gone', keys, 'digests')
  local head = tonumber(stored[1]) or 0
  if not stored[4] and not stored[5] and (expected == '' or tonumber(expected) == head) then
    local sequence, body = head + 1, ARGV[2]
    local id = call('XADD', log, log_id, name, sequence, 'k', keys)
    local stored_at = sub(id, 1, id:find('-', 1, true) - 1)
    call('XADD', events, sequence .. '-' .. stored_at, '', body)
    local index = head % CHUNK
    local chunk, chunk_digests = (head - index) / CHUNK, new_digests
    if index > 0 then
      local before = call('HGET', digests, chunk) or ''
      if #before < 17 * index then before = before .. string.rep('\0', 17 * index - #before) end
      chunk_digests = before .. new_digests
    end
    call('HSET', digests, chunk, chunk_digests)
    if stored[1] and stored[6] then
      call('HSET', state, 'head', sequence, 'bytes', (tonumber(stored[2]) or 0) + #body, 'updated', stored_at,
        keys, sequence)
    elseif stored[1] then
      call('HSET', state, 'head', sequence, 'bytes', (tonumber(stored[2]) or 0) + #body, 'updated', stored_at,
        keys, sequence, 'digests', chunk)
    else
      call('ZADD', KEYS[5], 0, name)
      call('HSET', state, 'head', 1, 'bytes', #body, 'updated', stored_at, keys, 1, 'digests', chunk,
        'created', stored_at)
    end
    local answer = 4 * head
    if stored[3] then answer = answer + 1 end
    if not bell_state then
      call('SET', bell, 1, 'PX', 10000)
      answer = answer + 2
    end
    return answer
  end
end

local function reply_and_claim_wakeup(head, has_retention)
  local answer = 4 * head
  if has_retention then answer = answer + 1 end
  -- The flag expires, so that later appends make up for a wake-up that was lost.
  if not bell_state then
    call('SET', bell, 1, 'PX', 10000)
    answer = answer + 2
  end
  return answer
end

local function add_reference(reference, event_keys)
  return call('XADD', log, log_id, name, reference, 'k', event_keys):match('^%d+')
end

-- Returns the chunk that holds the digest of a sequence, and where it starts there, from 0.
local function place_in_chunk(sequence)
  local index = (sequence - 1) % CHUNK
  return (sequence - 1 - index) / CHUNK, 17 * index
end

-- Stores digests of events from a sequence on, and returns the first chunk.
local function add_digests(sequence, added)
  local first_chunk, offset = place_in_chunk(sequence)
  local chunk, values, v = first_chunk, {}, 0
  while added ~= '' do
    local room = 17 * CHUNK - offset
    local value = sub(added, 1, room)
    if offset > 0 then
      local stored = call('HGET', digests, chunk) or ''
      value = stored .. string.rep('\0', offset - #stored) .. value
    end
    values[v + 1], values[v + 2] = chunk, value
    chunk, v, offset, added = chunk + 1, v + 2, 0, sub(added, room + 1)
  end
  call('HSET', digests, unpack(values))
  return first_chunk
end

-- `fresh` holds the indexes of the events to store, in order, unless these are all; `updates` the fields of the stream's
-- hash to set.
local fresh, updates, seen, u, count = {}, {'head', 0, 'bytes', 0, 'updated', 0, 'digests', 0}, {}, 8, 0
local is_new = total > 1 and call('EXISTS', state) == 0
if is_new then
  -- No event of a new stream is stored: all of the batch are fresh, unless it repeats one.
  for i = 1, total do
    local key = sub(keys, 16 * i - 15, 16 * i)
    if seen[key] then break end
    seen[key], count = true, i
    updates[u + 1] = key
    updates[u + 2] = i
    u = u + 2
  end
end
local is_all_fresh = count == total

local fields, values = {'head', 'bytes', 'first', 'gone', 'limits', 'digests'}, {}
if not is_all_fresh then
  if count > 0 then updates, seen, u, count = {'head', 0, 'bytes', 0, 'updated', 0, 'digests', 0}, {}, 8, 0 end
  for i = 1, total do fields[i + 6] = sub(keys, 16 * i - 15, 16 * i) end
  if not is_new then values = call('HMGET', state, unpack(fields)) end
  if values[4] then return {'gone'} end
end
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

-- Returns the body that is stored under a sequence; nil if it is cold.
local function stored_body(sequence)
  local entry = call('XRANGE', events, sequence, '+', 'COUNT', 1)[1]
  if not entry then return end
  local entry_bodies = split_entry(entry[2][1], entry[2][2], {})
  return entry_bodies[#entry_bodies - (entry[1]:match('^%d+') - sequence)]
end

-- Returns the digest of event i of the arguments.
local function digest(i) return sub(new_digests, 17 * i - 16, 17 * i) end

-- Returns the digest that is stored under a sequence, or '' if there is none.
local read_chunk, read_digests
local function stored_digest(sequence)
  local chunk, offset = place_in_chunk(sequence)
  if chunk ~= read_chunk then read_chunk, read_digests = chunk, call('HGET', digests, chunk) or '' end
  return sub(read_digests, offset + 1, offset + 17)
end

local duplicates, conflicts = {}, {}
for i = 1, is_all_fresh and 0 or total do
  local key = fields[i + 6]
  -- A sequence below `first` is that of an event that is no longer kept, whose key trim.lua has yet to remove.
  local sequence = values[i + 6] and tonumber(values[i + 6])
  if sequence and sequence < first then sequence = nil end
  if not sequence and not seen[key] then
    count = count + 1
    fresh[count] = i
    seen[key] = count
    updates[u + 1] = key
    updates[u + 2] = head + count
    u = u + 2
  else
    local is_same, stored = false, ''
    local own, other = digest(i), sequence and stored_digest(sequence) or digest(fresh[seen[key]])
    if own:byte() == other:byte() then
      is_same = own == other
    else
      -- Of two events of one append whose content is the same, the caller sends one digest.
      stored = sequence and (stored_body(sequence) or other) or ''
      is_same = sequence and stored == body(i) or false
    end
    sequence = sequence or head + seen[key]
    if is_same then
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
  local version = KEYS[7] and head .. '.' .. first .. '.' .. (call('HGET', KEYS[7], 'epoch') or '')
  if expected ~= version then return {'version', head} end
end

local last, fresh_keys, fresh_digests = head + count, keys, new_digests
if count < total then
  local own_keys, own_digests = {}, {}
  for i = 1, count do own_keys[i], own_digests[i] = fields[fresh[i] + 6], digest(fresh[i]) end
  fresh_keys, fresh_digests = table.concat(own_keys), table.concat(own_digests)
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

local first_chunk = add_digests(head + 1, fresh_digests)
updates[2], updates[4], updates[6], updates[8] = last, bytes, stored_at, values[6] or first_chunk
if not values[1] then
  call('ZADD', KEYS[5], 0, name)
  updates[u + 1], updates[u + 2] = 'created', stored_at
end
call('HSET', state, unpack(updates))

local answer = reply_and_claim_wakeup(head, values[5])
return #duplicates == 0 and answer or {answer, unpack(duplicates)}
