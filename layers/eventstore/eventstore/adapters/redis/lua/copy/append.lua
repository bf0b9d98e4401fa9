-- Adds appends of another store to the log, each at the place that it has there. One that is here already is passed over, so
-- a copy that was cut off can be repeated.
--
-- KEYS  1 log, 2 streams             as in log/append.lua
--       3... events, state, digests    of the stream of each append, likewise
-- ARGV  1 milliseconds since 1970 of the last append. Only fold.lua uses it: the clock of a partition goes by it
--       2... of each append:
--         its id in the log, its first sequence, the first sequence that is kept (those before were removed),
--         the keys of all of its events, how many bytes the bodies have that are kept,
--         how many arguments follow for digests: the numbers of the stream's chunks, and their digests,
--         how many arguments follow for entries: lengths and bodies of each entry
--
-- Answers  the number of appends that were added
local call, sub = redis.call, string.sub
local log, streams = KEYS[1], KEYS[2]

local function parse_id(entry_id)
  local time, order = entry_id:match('^(%d+)-(%d+)$')
  return tonumber(time), tonumber(order)
end

local end_time, end_order = parse_id(last_entry(log))
local added, a = 0, 2
for k = 3, #KEYS, 3 do
  local events, state, digests = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  local id, base, first, keys, size = ARGV[a], tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), ARGV[a + 3], ARGV[a + 4]
  local chunks, entries = a + 6, a + 7 + ARGV[a + 5]
  local behind = entries + ARGV[entries - 1]
  local time, order = parse_id(id)
  if time > end_time or (time == end_time and order > end_order) then
    local name, last = sub(state, state:find(':state:', 1, true) + 7), base + #keys / 16 - 1
    local fields = call('HMGET', state, 'head', 'digests')
    call('XADD', log, id, name, last == base and last or base .. '-' .. last, 'k', keys)
    local sequence = first - 1
    for e = entries, behind - 1, 2 do
      sequence = sequence + #ARGV[e] / 4 + 1
      call('XADD', events, sequence .. '-' .. time, ARGV[e], ARGV[e + 1])
    end
    for c = chunks, entries - 2, 2 do call('HSET', digests, ARGV[c], ARGV[c + 1]) end
    local updates = {'head', last, 'updated', time}
    -- Events that a version of the hub without digests stored have none.
    if not fields[2] and entries - 1 > chunks then updates[5], updates[6] = 'digests', ARGV[chunks] end
    for kept = first, last do
      updates[#updates + 1] = sub(keys, 16 * (kept - base) + 1, 16 * (kept - base) + 16)
      updates[#updates + 1] = kept
    end
    call('HSET', state, unpack(updates))
    call('HINCRBY', state, 'bytes', size)
    if not fields[1] then
      call('ZADD', streams, 0, name)
      call('HSET', state, 'created', time, 'first', first, 'swept', first - 1)
    end
    added, end_time, end_order = added + 1, time, order
  end
  a = behind
end
return added
