#!lua flags=allow-oom
-- Removes events that a stream no longer keeps, oldest first, with all references to them, and records the removals.
--
-- `first` moves in the same step, so that readers see all of the removal or nothing. If a caller dies, the next one
-- continues: `swept` is how far the removal has come, `first` how far it must go. Events at or after `first` are
-- removed by retention, and only after they were dispatched, unless nobody subscribes. Events before it were deleted; up to `deleted`, delete.lua
-- has recorded their removal and subtracted their bytes.
--
-- KEYS  1 events, 2 state, 3 log    as in append.lua; the state's `swept` is the last sequence removed, its `digests` the
--                                   first chunk in 9
--       4 ids                       as in index.lua
--       5 partition                 the partition's hash; `trims` is its removal serial, the number of steps that hid
--                                   events from readers; `forgotten` is the last entry of the log, and
--                                   `forgotten_serial` the greatest serial, of removals that are no longer in
--                                   `trimmed`; `removed_until` is the newest time in it
--       6 turn                      the hash of the partition's turns; `done` is the last entry of the log dispatched
--       7 trimmed                   the partition's sorted set of removals, by time:
--                                   <serial>|<entry of the log>|<stream>|<first>-<last>|<index of first in its append>;
--                                   for a block of appends, the entry is that of the last one, and the index is
--                                   ~<index of last in its append>~<entry of the first one>;
--                                   for a stream that was deleted for good, 0-0|gone, at the entry of the deletion
--       8 deleted                   as in delete.lua
--       9 digests                   as in append.lua, and cool.lua
--       10 behind, 11 terms, 12 groups    as in begin.lua
-- ARGV  1 name
--       2... <sequence>-<time>, key, bytes of each event to remove, oldest first; without events, the script only
--         removes the mark of a deletion whose events are all removed, once it was dispatched
--
-- Answers  {number of events removed, 1 if the next event was not dispatched yet}
local events, state, log, ids, partition, turn, trimmed, deletions, digests, behind, terms, groups = unpack(KEYS)
local name = ARGV[1]
-- The number of sequences of a chunk of digests, as in append.lua.
local CHUNK = 32

local checkpoint = call('HGET', turn, 'done') or '0-0'
local checkpoint_time = parse_id(checkpoint)
local first_pending, waits_for_dispatch
-- Where nobody subscribes, nothing waits for dispatch. Within the millisecond of the checkpoint, the log tells which
-- events were not dispatched yet.
local function is_dispatched(sequence, time)
  if time < checkpoint_time then return true end
  if waits_for_dispatch == nil then waits_for_dispatch = has_subscriptions(turn, behind, terms, groups) end
  if not waits_for_dispatch then return true end
  if time > checkpoint_time then return false end
  if not first_pending then
    first_pending = math.huge
    for _, entry in ipairs(call('XRANGE', log, '(' .. checkpoint, to_integer(time))) do
      -- Kept events come after the mark of a deletion, whose sequence is 0: if it is pending, they all are.
      if entry[2][1] == name then first_pending = min(first_pending, (parse_reference(entry[2][2]))) end
    end
  end
  return sequence < first_pending
end

local fields = call('HMGET', state, 'first', 'swept', 'bytes', 'deleted', 'mark', 'head', 'digests')
local first, swept, bytes = tonumber(fields[1]) or 1, tonumber(fields[2]) or 0, tonumber(fields[3]) or 0
local deleted, mark, head, first_chunk = tonumber(fields[4]) or 0, fields[5], tonumber(fields[6]) or 0, tonumber(fields[7])

-- Removes the mark of a deletion that was dispatched, once all deleted events are removed.
local function remove_mark()
  if not mark or swept < deleted then return end
  local time, order = parse_id(mark)
  local reached_time, reached_order = parse_id(checkpoint)
  if reached_time < time or (reached_time == time and reached_order < order) then return end
  call('XDEL', log, mark)
  if call('XLEN', events) == 0 then call('DEL', events) end
  call('HDEL', state, 'mark')
  call('SREM', deletions, name)
end

-- Removes the chunks of digests whose events are all removed, also those that an earlier version of the hub left.
local function remove_digests()
  if not first_chunk then return end
  if swept >= head then
    call('DEL', digests)
    call('HDEL', state, 'digests')
    return
  end
  local kept_chunk = math.floor(swept / CHUNK)
  for chunk = first_chunk, kept_chunk - 1 do
    call('HDEL', digests, to_integer(chunk), 'c' .. to_integer(chunk))
  end
  if kept_chunk > first_chunk then call('HSET', state, 'digests', to_integer(kept_chunk)) end
end

local removed, stopped, runs = 0, 0, {}
for a = 2, #ARGV, 3 do
  local sequence, time = parse_id(ARGV[a])
  -- Two callers may pass the same event; only the first one counts it.
  if sequence > swept then
    if sequence >= first and not is_dispatched(sequence, time) then
      stopped = 1
      break
    end
    swept, removed = sequence, removed + 1
    if sequence > deleted then bytes = bytes - tonumber(ARGV[a + 2]) end
    local run = runs[#runs]
    if run and run.time == time and run.last == sequence - 1 then
      run.last = sequence
    else
      runs[#runs + 1] = {time = time, first = sequence, last = sequence}
    end
    local key = ARGV[a + 1]
    -- After a deletion, the same source and id may be stored again, under a later sequence.
    if tonumber(call('HGET', state, key)) == sequence then call('HDEL', state, key) end
    local short = key:sub(1, 8)
    local places = call('HGET', ids, short)
    if places then
      local left, removed_place = {}, name .. '/' .. to_integer(sequence)
      for place in places:gmatch('%S+') do
        if place ~= removed_place then left[#left + 1] = place end
      end
      if #left == 0 or (#left == 1 and left[1] == '*') then
        call('HDEL', ids, short)
      else
        call('HSET', ids, short, table.concat(left, ' '))
      end
    end
  end
end
if removed == 0 then
  remove_mark()
  return {0, stopped}
end

local members, serial = {}, nil
for _, run in ipairs(runs) do
  for _, entry in ipairs(call('XRANGE', log, to_integer(run.time), to_integer(run.time))) do
    local base, last = parse_reference(entry[2][2])
    local from, to = max(base, run.first), min(last, run.last)
    if entry[2][1] == name and from <= to then
      local low = max(from, deleted + 1)
      if low <= to then
        serial = serial or to_integer(call('HINCRBY', partition, 'trims', 1))
        members[#members + 1] = to_integer(run.time)
        members[#members + 1] = table.concat(
          {serial, entry[1], name, to_integer(low) .. '-' .. to_integer(to), to_integer(low - base)}, '|')
      end
      -- A reference to several events is removed with the last of them.
      if to == last then call('XDEL', log, entry[1]) end
    end
  end
end
remember(trimmed, partition, members)

remove_digests()
call('XTRIM', events, 'MINID', to_integer(swept + 1))
call('HSET', state, 'first', to_integer(max(first, swept + 1)), 'swept', to_integer(swept), 'bytes', to_integer(bytes))
remove_mark()
return {removed, stopped}
