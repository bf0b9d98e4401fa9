#!lua flags=allow-oom
-- Deletes the events of a stream in one step, whose time does not grow with their number: from here on no reader sees
-- any of them, and the removal of all of them is reported. trim.lua removes them from memory, in bounded steps.
--
-- KEYS  1 events, 2 state, 3 log, 4 streams, 5 bell    as in append.lua; in the state, `deleted` is the last sequence
--                      that was deleted, and `mark` the entry of the log for the deletion: stream -> 0, no keys. It
--                      stays until the checkpoint has passed it, so that a turn comes although the log may have no
--                      other entries
--       6 partition, 7 trimmed    as in trim.lua
--       8 limits       as in create.lua
--       9 deleted      the partition's set of streams that have deleted events left for trim.lua
--      10 ended        a Redis Stream of one entry, the partition's newest deletion, on which readers block
--      11 digests      as in cool.lua
-- ARGV  1 name, 2 permanently ('1' or '0'), 3 time as in create.lua
--       4 conditions (JSON): [0 if one of the versions must match or 1 if none may, version...], ... A version is '*',
--         '<head>', or '<head>.<first>.<epoch>'
--       5 nothing, or the last sequence to delete, which is the last of an append; a permanent deletion passes it over
--
-- Answers  {'deleted', 1 if the partition needs a wake-up} | {'gone'} | {'absent'} | {'version', head}
local events, state, log, streams, bell, partition, trimmed, limits, deletions, ended, digests = unpack(KEYS)
local name, permanently, time = ARGV[1], ARGV[2] == '1', ARGV[3]
-- The newest appends are remembered one by one, up to MAX_APPENDS, and as long as no more than MAX_BYTES are read for
-- it; older ones in MIN_BLOCKS to MAX_BLOCKS blocks.
local MAX_APPENDS, MAX_BYTES, MAX_BLOCKS, MIN_BLOCKS = 1000, 4194304, 100, 10
-- As in cool.lua.
local CHUNK, PLACE = 32, 10

local fields = call('HMGET', state, 'head', 'gone', 'first', 'swept', 'deleted', 'mark', 'cold')
if not fields[1] then return {'absent'} end
if fields[2] then return {'gone'} end
local head, first, old_mark = tonumber(fields[1]), fields[3] or '1', fields[6]
local last_cold = tonumber(fields[7]) or 0

local version = fields[1] .. '.' .. first .. '.' .. (call('HGET', partition, 'epoch') or '')
for _, condition in ipairs(cjson.decode(ARGV[4])) do
  local matches = 0
  for c = 2, #condition do
    local expected = condition[c]
    if expected == '*' or expected == fields[1] or expected == version then matches = 1 end
  end
  if matches == condition[1] then return {'version', head} end
end

local last, bytes_kept = head, 0
if ARGV[5] and not permanently then last = min(head, tonumber(ARGV[5])) end
if last < head then
  for _, entry in ipairs(call('XRANGE', events, to_integer(last + 1), '+')) do
    bytes_kept = bytes_kept + size_of(entry[2][2])
  end
end

-- Events up to `swept` are removed; the removal of events up to `deleted` was recorded when they were deleted.
local from = max(tonumber(fields[4]) or 0, tonumber(fields[5]) or 0) + 1
if from > last and not permanently then return {'deleted', 0} end

local serial = to_integer(call('HINCRBY', partition, 'trims', 1))
local members, bytes_read, references_time, references = {}, 0, nil, nil
local function add_removal(entry_id, low, high, index)
  members[#members + 1] = entry_id:match('^%d+')
  members[#members + 1] = table.concat(
    {serial, entry_id, name, to_integer(low) .. '-' .. to_integer(high), index}, '|')
end

-- Returns when an event was stored.
local function time_of(sequence)
  if sequence <= last_cold then
    local index = (sequence - 1) % CHUNK
    local places = call('HGET', digests, 'c' .. to_integer((sequence - 1 - index) / CHUNK))
    local low, high = struct.unpack('<I4I2', places, PLACE * index + 5)
    return high * 4294967296 + low
  end
  local entry = call('XRANGE', events, to_integer(sequence), '+', 'COUNT', 1)[1]
  bytes_read = bytes_read + #entry[2][1] + #entry[2][2]
  local _, time = parse_id(entry[1])
  return time
end

-- Returns the entry of the log for the append of an event, and the first and last sequence of that append.
local function find_append(sequence)
  local time = time_of(sequence)
  if time ~= references_time then
    references_time, references = time, call('XRANGE', log, to_integer(time), to_integer(time))
    for _, reference in ipairs(references) do bytes_read = bytes_read + #reference[2][4] end
  end
  for _, reference in ipairs(references) do
    if reference[2][1] == name then
      local base, last = parse_reference(reference[2][2])
      if base <= sequence and sequence <= last then return reference[1], base, last end
    end
  end
end

local sequence, appends = last, 0
while sequence >= from and appends < MAX_APPENDS and bytes_read < MAX_BYTES do
  local entry_id, base = find_append(sequence)
  local low = max(base, from)
  add_removal(entry_id, low, sequence, to_integer(low - base))
  sequence, appends = base - 1, appends + 1
end
if sequence >= from then
  local blocks = max(MIN_BLOCKS, min(MAX_BLOCKS, math.floor(MAX_BYTES * appends / bytes_read)))
  local size, low = math.ceil((sequence - from + 1) / blocks), from
  while low <= sequence do
    local first_id = find_append(low)
    local last_id, base, last = find_append(min(low + size - 1, sequence))
    add_removal(last_id, low, last, '~' .. to_integer(last - base) .. '~' .. first_id)
    low = last + 1
  end
end

if old_mark then call('XDEL', log, old_mark) end
local mark = call('XADD', log, time == '' and '*' or time .. '-*', name, 0, 'k', '')
call('HSET', state, 'first', to_integer(last + 1), 'deleted', to_integer(last), 'bytes', to_integer(bytes_kept),
  'mark', mark)
call('SADD', deletions, name)
if permanently then
  add_removal(mark, 0, 0, 'gone')
  call('HSET', state, 'gone', 1)
  call('ZREM', streams, name)
  call('SREM', limits, name)
end
remember(trimmed, partition, members)
call('XADD', ended, 'MAXLEN', 1, '*', name, '')

if call('EXISTS', bell) == 1 then return {'deleted', 0} end
call('SET', bell, 1, 'PX', 10000)
return {'deleted', 1}
