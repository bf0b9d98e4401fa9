#!lua flags=no-writes
-- Counts the events that a partition's log refers to beyond a place.
--
-- KEYS  1 log      as in append.lua
-- ARGV  1 from     the id of the entry that holds the place, which is counted in part, or '(' and that of the last one
--                  counted
--       2 index    of how many events of the entry that holds the place, less one, the reader knows
--       3 scanned  about how many references may be looked at
--
-- Answers  {events, the last entry looked at, or '', 1 if that is the end, the first entry with an event counted, or ''}
local call = redis.call
local log, from, index, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- As in scan.lua.
local STEP = 250

local place, events, reached, oldest, scanned = from, 0, '', '', 0
while scanned < most do
  local entries = call('XRANGE', log, from, '+', 'COUNT', STEP)
  for _, entry in ipairs(entries) do
    local id = entry[1]
    local first, last = entry[2][2]:match('^(%d+)%-?(%d*)$')
    local count = last == '' and 1 or last - first + 1
    -- What marks a deletion is no event (delete.lua).
    if first == '0' then count = 0 end
    if id == place then count = math.max(0, count - index - 1) end
    if count > 0 and oldest == '' then oldest = id end
    events, reached = events + count, id
  end
  if #entries < STEP then return {events, reached, 1, oldest} end
  scanned = scanned + #entries
  from = '(' .. reached
end
return {events, reached, 0, oldest}
