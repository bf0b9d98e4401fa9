#!lua flags=allow-oom
-- Removes events that a stream no longer keeps, oldest first, with all that refers to them, and remembers which.
--
-- `first` moves in the same step: a reader sees all of it or nothing. What a caller that died left behind, the next
-- one removes: `swept` tells how far the removal came, `first` how far it has to go.
-- Events at or beyond `first` go by retention, and only once they were dispatched; those below it were deleted.
--
-- KEYS  1 events, 2 state, 3 log    as in append.lua; the state's `swept` is the last sequence removed
--       4 ids                       as in index.lua
--       5 partition                 the partition's hash; `trims` counts the calls that removed something;
--                                   `forgotten` is the last entry of the log, and `forgotten_serial` the last serial,
--                                   of what is no longer in `trimmed`
--       6 turn                      the partition's hash of dispatch; `done` is the last entry of the log dispatched
--       7 trimmed                   the partition's sorted set of what was removed, by time:
--                                   <serial>|<entry of the log>|<stream>|<first>-<last>|<index of first in its append>
-- ARGV  1 name
--       2... <sequence>-<time>, key, bytes of each event to remove, oldest first
--
-- Answers  {how many were removed, 1 if the next one is not dispatched yet}
local call, max, min = redis.call, math.max, math.min
local events, state, log, ids, partition, turn, trimmed = unpack(KEYS)
local name = ARGV[1]
-- How many removals a partition remembers.
local REMEMBERED = 10000

local function whole(number) return string.format('%.0f', number) end

local function place(entry)
  local time, order = entry:match('^(%d+)-(%d+)$')
  return tonumber(time), tonumber(order)
end

local function bounds(reference)
  return tonumber(reference:match('^%d+')), tonumber(reference:match('%d+$'))
end

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
      if entry[2][1] == name then pending = min(pending, (bounds(entry[2][2]))) end
    end
  end
  return sequence < pending
end

local have = call('HMGET', state, 'first', 'swept', 'bytes')
local first, swept, bytes = tonumber(have[1]) or 1, tonumber(have[2]) or 0, tonumber(have[3]) or 0
local removed, stopped, runs = 0, 0, {}
for a = 2, #ARGV, 3 do
  local sequence, time = place(ARGV[a])
  -- Two callers may bring the same event; only the first one counts it.
  if sequence > swept then
    if sequence >= first and not dispatched(sequence, time) then
      stopped = 1
      break
    end
    swept, removed, bytes = sequence, removed + 1, bytes - tonumber(ARGV[a + 2])
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
if removed == 0 then return {0, stopped} end

local serial, members = call('HINCRBY', partition, 'trims', 1), {}
for _, run in ipairs(runs) do
  for _, entry in ipairs(call('XRANGE', log, whole(run.time), whole(run.time))) do
    local base, last = bounds(entry[2][2])
    local from, to = max(base, run.first), min(last, run.last)
    if entry[2][1] == name and from <= to then
      members[#members + 1] = whole(run.time)
      members[#members + 1] = table.concat(
        {whole(serial), entry[1], name, whole(from) .. '-' .. whole(to), whole(from - base)}, '|')
      -- A reference to several events goes with the last of them.
      if to == last then call('XDEL', log, entry[1]) end
    end
  end
end
if #members > 0 then call('ZADD', trimmed, unpack(members)) end

local surplus = call('ZCARD', trimmed) - REMEMBERED
if surplus > 0 then
  local forgotten, forgotten_serial = unpack(call('HMGET', partition, 'forgotten', 'forgotten_serial'))
  local time, order = place(forgotten or '0-0')
  local newest = tonumber(forgotten_serial) or 0
  for _, member in ipairs(call('ZRANGE', trimmed, 0, surplus - 1)) do
    local its_serial, entry = member:match('^(%d+)|([^|]+)|')
    local its_time, its_order = place(entry)
    if its_time > time or (its_time == time and its_order > order) then time, order = its_time, its_order end
    newest = max(newest, tonumber(its_serial))
  end
  call('ZREMRANGEBYRANK', trimmed, 0, surplus - 1)
  call('HSET', partition, 'forgotten', whole(time) .. '-' .. whole(order), 'forgotten_serial', whole(newest))
end

call('XTRIM', events, 'MINID', whole(swept + 1))
call('HSET', state, 'first', whole(max(first, swept + 1)), 'swept', whole(swept), 'bytes', whole(bytes))
return {removed, stopped}
