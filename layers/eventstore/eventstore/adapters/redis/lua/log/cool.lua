#!lua flags=allow-oom
-- Lets the bodies of the oldest events of a stream leave memory: they are in the archive. All else of the events stays,
-- so appends, deletions and removals go on as before.
--
-- The events that are cold are always the oldest ones: those up to the sequence `cold` of the stream's hash.
--
-- KEYS  1 events, 2 state, 3 digests, 4 log    as in append.lua. Beside the digests of a chunk of events, the hash 3 has the
--                                              places of those that are cold: 'c' and the number of the chunk -> per event
--                                              the length of its body in 4 bytes, and when it was stored in 6, the least
--                                              significant first
-- ARGV  ids of entries of the log, in order: appends of the stream
--
-- Answers  {number of events whose bodies left memory, number of appends that are done with}. After about MAX_EVENTS or
--          MAX_BYTES the caller continues with the others. An append that must stay is done with, and so are all later ones.
local call, sub = redis.call, string.sub
local events, state, digests, log = unpack(KEYS)
local name = sub(state, state:find(':state:', 1, true) + 7)
-- The number of sequences of a chunk, as in append.lua, and the bytes of a place.
local CHUNK, PLACE = 32, 10
local MAX_EVENTS, MAX_BYTES = 1000, 1048576

local function to_integer(number) return string.format('%.0f', number) end

local fields = call('HMGET', state, 'cold', 'swept')
local last_cold, swept = tonumber(fields[1]) or 0, tonumber(fields[2]) or 0

-- Returns the number of the chunk of a sequence, and its index there, from 0.
local function in_chunk(sequence)
  local index = (sequence - 1) % CHUNK
  return to_integer((sequence - 1 - index) / CHUNK), index
end

-- Whether events have digests. Without, their bodies tell a repeated event from another one (append.lua).
local function have_digests(first, last)
  local read, chunk_digests
  for sequence = first, last do
    local chunk, index = in_chunk(sequence)
    if chunk ~= read then read, chunk_digests = chunk, call('HGET', digests, chunk) or '' end
    local version = chunk_digests:byte(17 * index + 1)
    if not version or version == 0 then return false end
  end
  return true
end

-- The places of one chunk, which are stored before those of the next one.
local open_chunk, places
local function store()
  if open_chunk then call('HSET', digests, 'c' .. open_chunk, places) end
end
local function add_place(sequence, time, length)
  local chunk, index = in_chunk(sequence)
  if chunk ~= open_chunk then
    store()
    open_chunk, places = chunk, index > 0 and call('HGET', digests, 'c' .. chunk) or ''
  end
  if #places < PLACE * index then places = places .. string.rep('\0', PLACE * index - #places) end
  places = sub(places, 1, PLACE * index) .. struct.pack('<I4I4I2', length, time % 4294967296, math.floor(time / 4294967296))
end

local cooled, bytes, done = 0, 0, 0
for _, entry_id in ipairs(ARGV) do
  if cooled >= MAX_EVENTS or bytes >= MAX_BYTES then break end
  local entry = call('XRANGE', log, entry_id, entry_id)[1]
  if entry and entry[2][1] == name and #entry[2][4] > 0 then
    local base, last = tonumber(entry[2][2]:match('^%d+')), tonumber(entry[2][2]:match('%d+$'))
    if last > last_cold then
      -- Of an append, the first events may be removed, and their digests with them.
      if base > math.max(last_cold, swept) + 1 or not have_digests(math.max(base, swept + 1), last) then
        done = #ARGV
        break
      end
      for _, stored in ipairs(call('XRANGE', events, to_integer(base), to_integer(last))) do
        local lengths, left = stored[2][1], #stored[2][2]
        local newest, time = stored[1]:match('^(%d+)-(%d+)$')
        local sequence = tonumber(newest) - #lengths / 4
        for offset = 1, #lengths + 1, 4 do
          local length = offset > #lengths and left or struct.unpack('<I4', lengths, offset)
          if sequence > swept then
            add_place(sequence, tonumber(time), length)
            cooled = cooled + 1
          end
          sequence, left, bytes = sequence + 1, left - length, bytes + length
        end
      end
      last_cold = last
    end
  end
  done = done + 1
end
if cooled > 0 then
  store()
  call('HSET', state, 'cold', to_integer(last_cold))
  call('XTRIM', events, 'MINID', to_integer(last_cold + 1))
  -- Even an empty one takes as much memory as some bodies.
  if call('XLEN', events) == 0 then call('DEL', events) end
end
return {cooled, done}
