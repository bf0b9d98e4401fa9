#!lua
-- Keeps the record of an append for those who read its events next, where the journal would need milliseconds for it. What
-- is kept is a copy, and no part of the index: whoever does not find a record here, or finds another one, asks the journal.
-- So the script is refused where the memory of the server is full, unlike fold.lua, and nothing is lost.
--
-- KEYS  1 bodies   a hash of a partition: position -> record; `first` is a position before which there is none, `bytes` how
--                  long all records are together
-- ARGV  1 position, 2 record
--       3 how many bytes are kept: from the oldest on, records are removed until they are no more than that
local key, position, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[3])
-- The positions of a journal have gaps here: records that append nothing. This many are passed at once, and the others by
-- the next calls.
local MOST_STEPS = 1000

local fields = redis.call('HMGET', key, 'first', 'bytes')
local first, bytes = tonumber(fields[1]) or position, tonumber(fields[2]) or 0
-- It came late, and would never be removed.
if position < first then return end
bytes = bytes + #ARGV[2] - redis.call('HSTRLEN', key, ARGV[1])
redis.call('HSET', key, ARGV[1], ARGV[2])
for _ = 1, MOST_STEPS do
  if bytes <= most then break end
  local oldest = string.format('%.0f', first)
  bytes = bytes - redis.call('HSTRLEN', key, oldest)
  redis.call('HDEL', key, oldest)
  first = first + 1
end
redis.call('HSET', key, 'first', string.format('%.0f', first), 'bytes', string.format('%.0f', bytes))
