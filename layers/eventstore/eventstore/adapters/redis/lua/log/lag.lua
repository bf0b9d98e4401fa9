#!lua flags=no-writes
-- Counts the events after a position in a partition's log.
--
-- KEYS  1 log      as in append.lua
-- ARGV  1 from     the id of the entry of the position, a part of which is counted; or '(' and the id of the last entry
--                  that was counted
--       2 index    the index of the position in its entry
--       3 limit    about how many references to read
--
-- Answers  {events, last entry read or '', 1 if that is the end, first entry with an event that was counted or ''}
local call = redis.call
local log, from, index, limit = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- As in scan.lua.
local STEP = 250

local position_id, events, reached, oldest, scanned = from, 0, '', '', 0
while scanned < limit do
  local entries = call('XRANGE', log, from, '+', 'COUNT', STEP)
  for _, entry in ipairs(entries) do
    local id = entry[1]
    local first, last = entry[2][2]:match('^(%d+)%-?(%d*)$')
    local count = last == '' and 1 or last - first + 1
    -- The mark of a deletion is not an event (delete.lua).
    if first == '0' then count = 0 end
    if id == position_id then count = math.max(0, count - index - 1) end
    if count > 0 and oldest == '' then oldest = id end
    events, reached = events + count, id
  end
  if #entries < STEP then return {events, reached, 1, oldest} end
  scanned = scanned + #entries
  from = '(' .. reached
end
return {events, reached, 0, oldest}
