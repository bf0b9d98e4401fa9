-- Functions that delete.lua and trim.lua share; the text is inserted into both.
local call, max, min = redis.call, math.max, math.min
-- The maximum number of removals that a partition remembers.
local MAX_REMEMBERED = 10000
-- The maximum number of arguments of a command.
local BATCH = 2000

local function to_integer(number) return string.format('%.0f', number) end

local function parse_id(entry_id)
  local time, order = entry_id:match('^(%d+)-(%d+)$')
  return tonumber(time), tonumber(order)
end

local function parse_reference(reference)
  return tonumber(reference:match('^%d+')), tonumber(reference:match('%d+$'))
end

-- Adds removals to those that a partition remembers, and forgets the oldest beyond MAX_REMEMBERED.
--
-- `trimmed` and `partition` are as in trim.lua; `members` is {time, member, ...}.
local function remember(trimmed, partition, members)
  if #members == 0 then return end
  for start = 1, #members, BATCH do
    call('ZADD', trimmed, unpack(members, start, min(start + BATCH - 1, #members)))
  end
  call('HSET', partition, 'removed_until', call('ZRANGE', trimmed, -1, -1, 'WITHSCORES')[2])
  local surplus = call('ZCARD', trimmed) - MAX_REMEMBERED
  if surplus <= 0 then return end
  local forgotten, forgotten_serial = unpack(call('HMGET', partition, 'forgotten', 'forgotten_serial'))
  local time, order = parse_id(forgotten or '0-0')
  local newest_serial = tonumber(forgotten_serial) or 0
  for _, member in ipairs(call('ZRANGE', trimmed, 0, surplus - 1)) do
    local serial, entry_id = member:match('^(%d+)|([^|]+)|')
    local entry_time, entry_order = parse_id(entry_id)
    if entry_time > time or (entry_time == time and entry_order > order) then time, order = entry_time, entry_order end
    newest_serial = max(newest_serial, tonumber(serial))
  end
  call('ZREMRANGEBYRANK', trimmed, 0, surplus - 1)
  call('HSET', partition, 'forgotten', to_integer(time) .. '-' .. to_integer(order),
    'forgotten_serial', to_integer(newest_serial))
end
