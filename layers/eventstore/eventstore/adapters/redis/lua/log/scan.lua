#!lua flags=no-writes
-- Finds the references to some streams in a partition's log, so that whoever reads one stream need not read them all.
--
-- KEYS  1 log    as in append.lua
-- ARGV  1 from, 2 to     ids of entries, both included
--       3 backwards      '1' or '0'
--       4 count          the most references wanted
--       5 scanned        about how many references may be looked at
--       6... streams     the names wanted
--
-- Answers  {entries wanted, as XRANGE has them; the last entry looked at, or ''; 1 if that is the end}
local call = redis.call
local log, from, to, backwards, count, most = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
-- Entries read at once: what a step holds in memory stays small, however large the appends are.
local STEP = 250

local wanted = {}
for a = 6, #ARGV do wanted[ARGV[a]] = true end

local found, f, reached, scanned = {}, 0, '', 0
while scanned < most do
  local entries = call(backwards and 'XREVRANGE' or 'XRANGE', log, from, to, 'COUNT', STEP)
  for _, entry in ipairs(entries) do
    reached = entry[1]
    if wanted[entry[2][1]] then
      f = f + 1
      found[f] = entry
      if f == count then return {found, reached, 0} end
    end
  end
  if #entries < STEP then return {found, reached, 1} end
  scanned = scanned + #entries
  from = '(' .. reached
end
return {found, reached, 0}
