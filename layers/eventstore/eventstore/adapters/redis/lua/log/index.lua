#!lua flags=allow-oom
-- Brings the partition's index by id up to date with its log, a bounded number of events at a time.
--
-- KEYS  1 partition    the partition's hash; `indexed` is the last entry of the log that the index knows
--       2 log          as in append.lua
--       3 ids          the partition's hash: first 8 bytes of an event's key -> its places,
--                      '<stream>/<sequence> ...'
-- ARGV  1 about how many events to index
--
-- Answers  1 if there is more to do, else 0
local call, sub = redis.call, string.sub
local partition, log, ids = KEYS[1], KEYS[2], KEYS[3]
local limit = tonumber(ARGV[1])
-- The maximum number of places of an id; then '*' means that there are more.
local PLACES = 100

local function add_place(list, place)
  if sub(list, -1) == '*' then return list end
  local _, spaces = list:gsub(' ', '')
  return list .. ' ' .. (spaces + 1 < PLACES and place or '*')
end

local indexed = call('HGET', partition, 'indexed') or '0-0'
local shorts, places, count = {}, {}, 0
local more = 0
for _, entry in ipairs(call('XRANGE', log, '(' .. indexed, '+', 'COUNT', limit)) do
  if count >= limit then
    more = 1
    break
  end
  local name, reference, keys = entry[2][1], entry[2][2], entry[2][4]
  local before = tonumber(reference:match('^%d+')) - 1
  for i = 1, #keys / 16 do
    count = count + 1
    shorts[count], places[count] = sub(keys, 16 * i - 15, 16 * i - 8), name .. '/' .. before + i
  end
  indexed = entry[1]
end
if count == 0 then
  -- These entries are marks of deletions only: the next call continues after them.
  if call('HGET', partition, 'indexed') ~= indexed and indexed ~= '0-0' then
    call('HSET', partition, 'indexed', indexed)
    return 1
  end
  return 0
end

local stored, updates, u, offsets = call('HMGET', ids, unpack(shorts)), {}, 0, {}
for i = 1, count do
  local short = shorts[i]
  if offsets[short] then
    updates[offsets[short]] = add_place(updates[offsets[short]], places[i])
  else
    updates[u + 1], updates[u + 2] = short, stored[i] and add_place(stored[i], places[i]) or places[i]
    u = u + 2
    offsets[short] = u
  end
end
call('HSET', ids, unpack(updates))
call('HSET', partition, 'indexed', indexed)
return (more == 1 or count >= limit) and 1 or 0
