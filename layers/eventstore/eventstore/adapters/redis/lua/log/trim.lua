#!lua flags=allow-oom
-- Removes events that a stream no longer keeps, oldest first, with all that refers to them, and remembers which.
--
-- `first` moves in the same step: a reader sees all of it or nothing. What a caller that died left behind, the next
-- one removes: `swept` tells how far the removal came, `first` how far it has to go.
-- Events at or beyond `first` go by retention, and only once they were dispatched; those below it were deleted, and
-- up to `deleted` that was counted and remembered when it was done (delete.lua).
--
-- KEYS  1 events, 2 state, 3 log    as in append.lua; the state's `swept` is the last sequence removed
--       4 ids                       as in index.lua
--       5 partition                 the partition's hash; `trims` counts the steps that took events from readers;
--                                   `forgotten` is the last entry of the log, and `forgotten_serial` the last serial,
--                                   of what is no longer in `trimmed`; `removed_until` is the newest time in it
--       6 turn                      the partition's hash of dispatch; `done` is the last entry of the log dispatched
--       7 trimmed                   the partition's sorted set of what was removed, by time:
--                                   <serial>|<entry of the log>|<stream>|<first>-<last>|<index of first in its append>,
--                                   or, for several appends, the entry of the last of them, and for the index
--                                   ~<index of last in its append>~<entry of the first of them>;
--                                   or 0-0 and gone: there the stream was deleted for good
--       8 deleted                   as in delete.lua
-- ARGV  1 name
--       2... <sequence>-<time>, key, bytes of each event to remove, oldest first; with none, what is left to do once
--         all that was deleted is removed
--
-- Answers  {how many were removed, 1 if the next one is not dispatched yet}
local events, state, log, ids, partition, turn, trimmed, deletions = unpack(KEYS)
local name = ARGV[1]

-- Without a turn, nobody waits for anything. (Frames may leap before the first one: renew.lua.)
local done = call('HGET', turn, 'done') or (call('HEXISTS', turn, 'token') == 1 and '0-0')
local done_time = done and place(done) or math.huge
local pending
-- Of the millisecond in which dispatch stands, the log tells what is beyond.
local function dispatched(sequence, time)
  if time ~= done_time then return time < done_time end
  if not pending then
    pending = math.huge
    for _, entry in ipairs(call('XRANGE', log, '(' .. done, whole(time))) do
      -- What is kept lies behind the mark of a deletion: where that is not dispatched yet, nothing of it is.
      if entry[2][1] == name then pending = min(pending, (bounds(entry[2][2]))) end
    end
  end
  return sequence < pending
end

local have = call('HMGET', state, 'first', 'swept', 'bytes', 'deleted', 'mark')
local first, swept, bytes = tonumber(have[1]) or 1, tonumber(have[2]) or 0, tonumber(have[3]) or 0
local deleted, mark = tonumber(have[4]) or 0, have[5]

local function finish()
  if not mark or swept < deleted or not done then return end
  local time, order = place(mark)
  local reached_time, reached_order = place(done)
  if reached_time < time or (reached_time == time and reached_order < order) then return end
  call('XDEL', log, mark)
  if call('XLEN', events) == 0 then call('DEL', events) end
  call('HDEL', state, 'mark')
  call('SREM', deletions, name)
end

local removed, stopped, runs = 0, 0, {}
for a = 2, #ARGV, 3 do
  local sequence, time = place(ARGV[a])
  -- Two callers may bring the same event; only the first one counts it.
  if sequence > swept then
    if sequence >= first and not dispatched(sequence, time) then
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
    -- After a deletion the same source and id may stand again, further on.
    if tonumber(call('HGET', state, key)) == sequence then call('HDEL', state, key) end
    local short = key:sub(1, 8)
    local places = call('HGET', ids, short)
    if places then
      local left, gone = {}, name .. '/' .. whole(sequence)
      for listed in places:gmatch('%S+') do
        if listed ~= gone then left[#left + 1] = listed end
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
  finish()
  return {0, stopped}
end

local members, serial = {}, nil
for _, run in ipairs(runs) do
  for _, entry in ipairs(call('XRANGE', log, whole(run.time), whole(run.time))) do
    local base, last = bounds(entry[2][2])
    local from, to = max(base, run.first), min(last, run.last)
    if entry[2][1] == name and from <= to then
      local told = max(from, deleted + 1)
      if told <= to then
        serial = serial or whole(call('HINCRBY', partition, 'trims', 1))
        members[#members + 1] = whole(run.time)
        members[#members + 1] = table.concat(
          {serial, entry[1], name, whole(told) .. '-' .. whole(to), whole(told - base)}, '|')
      end
      -- A reference to several events goes with the last of them.
      if to == last then call('XDEL', log, entry[1]) end
    end
  end
end
remember(trimmed, partition, members)

call('XTRIM', events, 'MINID', whole(swept + 1))
call('HSET', state, 'first', whole(max(first, swept + 1)), 'swept', whole(swept), 'bytes', whole(bytes))
finish()
return {removed, stopped}
