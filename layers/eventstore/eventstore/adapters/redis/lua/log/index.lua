#!lua flags=allow-oom
-- Brings the partition's index by id up to date with its log, a bounded number of events at a time.
--
-- KEYS  1 partition    the partition's hash; `indexed` is the last entry of the log that the index knows
--       2 log          as in append.lua
--       3 ids          the partition's hash: first 8 bytes of an event's key -> '<stream>/<sequence> ...', where it stands
-- ARGV  1 about how many events
--
-- Answers  1 if there is more to do, else 0
local call, sub = redis.call, string.sub
local partition, log, ids = KEYS[1], KEYS[2], KEYS[3]
local most = tonumber(ARGV[1])
-- How many places one id lists before it says '*', "and more".
local PLACES = 100

local function joined(listed, place)
  if sub(listed, -1) == '*' then return listed end
  local _, spaces = listed:gsub(' ', '')
  return listed .. ' ' .. (spaces + 1 < PLACES and place or '*')
end

local indexed = call('HGET', partition, 'indexed') or '0-0'
local shorts, places, count = {}, {}, 0
local more = 0
for _, entry in ipairs(call('XRANGE', log, '(' .. indexed, '+', 'COUNT', most)) do
  if count >= most then
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
  -- There may be nothing but marks of deletions: the next time goes on behind them.
  if call('HGET', partition, 'indexed') ~= indexed and indexed ~= '0-0' then
    call('HSET', partition, 'indexed', indexed)
    return 1
  end
  return 0
end

local listed, list, l, at = call('HMGET', ids, unpack(shorts)), {}, 0, {}
for i = 1, count do
  local short = shorts[i]
  if at[short] then
    list[at[short]] = joined(list[at[short]], places[i])
  else
    list[l + 1], list[l + 2] = short, listed[i] and joined(listed[i], places[i]) or places[i]
    l = l + 2
    at[short] = l
  end
end
call('HSET', ids, unpack(list))
call('HSET', partition, 'indexed', indexed)
return (more == 1 or count >= most) and 1 or 0
