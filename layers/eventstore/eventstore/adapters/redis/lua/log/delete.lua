#!lua flags=allow-oom
-- Deletes a stream's events, all in one step, in a time that does not grow with their number: from here on no reader
-- sees any of them, and every reader is told of all of them. trim.lua removes them, a bounded number at a time.
--
-- KEYS  1 events, 2 state, 3 log, 4 streams, 5 bell    as in append.lua; of the state, `deleted` is the last sequence
--                      that was deleted, and `mark` the entry of the log that says so: stream -> 0, no keys. Until that
--                      was dispatched it stays, so that a turn comes to it although nothing else may be left in the log
--       6 partition, 7 trimmed    as in trim.lua
--       8 limits       as in create.lua
--       9 deleted      the partition's set of streams of which trim.lua has something left to remove
--      10 ended        a Redis Stream of one entry, the partition's newest deletion: it wakes those who wait for events
-- ARGV  1 name, 2 permanently ('1' or '0'), 3 time as in create.lua
--       4 conditions (JSON): [1 if none may match or 0 if one must, version...], ... A version is '*', '<head>', or
--         '<head>.<first>.<epoch>'
--
-- Answers  {'deleted', 1 if the bell is to be rung} | {'gone'} | {'absent'} | {'version', head}
local events, state, log, streams, bell, partition, trimmed, limits, deletions, ended = unpack(KEYS)
local name, permanently, time = ARGV[1], ARGV[2] == '1', ARGV[3]
-- So many of the newest appends are remembered one by one, as long as no more than so many bytes are looked through for
-- it; what is older, in about so many blocks.
local APPENDS, BYTES, BLOCKS, LEAST_BLOCKS = 1000, 4194304, 100, 10

local have = call('HMGET', state, 'head', 'gone', 'first', 'swept', 'deleted', 'mark')
if not have[1] then return {'absent'} end
if have[2] then return {'gone'} end
local head, first = tonumber(have[1]), have[3] or '1'

local version = have[1] .. '.' .. first .. '.' .. (call('HGET', partition, 'epoch') or '')
for _, condition in ipairs(cjson.decode(ARGV[4])) do
  local matches = 0
  for c = 2, #condition do
    local asked = condition[c]
    if asked == '*' or asked == have[1] or asked == version then matches = 1 end
  end
  if matches == condition[1] then return {'version', head} end
end

-- What lies at or below either is removed, or was told when it was deleted.
local from = max(tonumber(have[4]) or 0, tonumber(have[5]) or 0) + 1
if from > head and not permanently then return {'deleted', 0} end

local serial = whole(call('HINCRBY', partition, 'trims', 1))
local members, looked_through, of_time, references = {}, 0, nil, nil
local function add(entry, low, high, index)
  members[#members + 1] = entry:match('^%d+')
  members[#members + 1] = table.concat({serial, entry, name, whole(low) .. '-' .. whole(high), index}, '|')
end

-- The entry of the log for the append of an event, and the first and last sequence of that append.
local function append_of(sequence)
  local entry = call('XRANGE', events, whole(sequence), '+', 'COUNT', 1)[1]
  looked_through = looked_through + #entry[2][1] + #entry[2][2]
  local _, stored = place(entry[1])
  if stored ~= of_time then
    of_time, references = stored, call('XRANGE', log, whole(stored), whole(stored))
    for _, reference in ipairs(references) do looked_through = looked_through + #reference[2][4] end
  end
  for _, reference in ipairs(references) do
    if reference[2][1] == name then
      local base, last = bounds(reference[2][2])
      if base <= sequence and sequence <= last then return reference[1], base, last end
    end
  end
end

local sequence, appends = head, 0
while sequence >= from and appends < APPENDS and looked_through < BYTES do
  local entry, base = append_of(sequence)
  local low = max(base, from)
  add(entry, low, sequence, whole(low - base))
  sequence, appends = base - 1, appends + 1
end
if sequence >= from then
  local blocks = max(LEAST_BLOCKS, min(BLOCKS, math.floor(BYTES * appends / looked_through)))
  local size, low = math.ceil((sequence - from + 1) / blocks), from
  while low <= sequence do
    local begins = append_of(low)
    local ends, base, last = append_of(min(low + size - 1, sequence))
    add(ends, low, last, '~' .. whole(last - base) .. '~' .. begins)
    low = last + 1
  end
end

if have[6] then call('XDEL', log, have[6]) end
local mark = call('XADD', log, time == '' and '*' or time .. '-*', name, 0, 'k', '')
call('HSET', state, 'first', whole(head + 1), 'deleted', whole(head), 'bytes', 0, 'mark', mark)
call('SADD', deletions, name)
if permanently then
  add(mark, 0, 0, 'gone')
  call('HSET', state, 'gone', 1)
  call('ZREM', streams, name)
  call('SREM', limits, name)
end
remember(trimmed, partition, members)
call('XADD', ended, 'MAXLEN', 1, '*', name, '')

if call('EXISTS', bell) == 1 then return {'deleted', 0} end
call('SET', bell, 1, 'PX', 10000)
return {'deleted', 1}
