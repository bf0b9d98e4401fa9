#!lua flags=no-writes
-- Finds the references to some streams in a partition's log, so that a reader of these need not fetch all references.
--
-- KEYS  1 log    as in append.lua
-- ARGV  1 from, 2 to     ids of entries, both included unless '(' precedes
--       3 backwards      '1' or '0'
--       4 count          the maximum number of references to return
--       5 limit          about how many references to read
--       6... streams     the names of the streams
--
-- Answers  {entries, as XRANGE returns them; id of the last entry read, or ''; 1 if no entry is left}
local call = redis.call
local log, from, to, backwards = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == '1'
local count, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
-- Entries per read, which bounds the memory of a step, however large the appends are.
local STEP = 250

local names = {}
for a = 6, #ARGV do names[ARGV[a]] = true end

local matches, m, reached, scanned = {}, 0, '', 0
while scanned < limit do
  local entries = call(backwards and 'XREVRANGE' or 'XRANGE', log, from, to, 'COUNT', STEP)
  for _, entry in ipairs(entries) do
    reached = entry[1]
    if names[entry[2][1]] then
      m = m + 1
      matches[m] = entry
      if m == count then return {matches, reached, 0} end
    end
  end
  if #entries < STEP then return {matches, reached, 1} end
  scanned = scanned + #entries
  from = '(' .. reached
end
return {matches, reached, 0}
