#!lua flags=no-writes
-- Finds the newest event of a stream that was stored before a time.
--
-- KEYS  1 events    as in append.lua
-- ARGV  1 low, 2 high     the first and last sequence to search
--       3 time            milliseconds since 1970
--
-- Answers  its sequence, or low - 1 if there is none
local call = redis.call
local low, high, time = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function to_integer(number) return string.format('%.0f', number) end

local newest = low - 1
while low <= high do
  local middle = math.floor((low + high) / 2)
  local entry = call('XRANGE', KEYS[1], to_integer(middle), '+', 'COUNT', 1)[1]
  local sequence, stored
  if entry then
    sequence, stored = entry[1]:match('^(%d+)-(%d+)$')
    sequence, stored = tonumber(sequence), tonumber(stored)
  end
  if entry and stored < time then
    -- All events of an entry were stored at the same time.
    newest = sequence
    low = sequence + 1
  else
    high = middle - 1
  end
end
return to_integer(newest)
