-- What delete.lua and trim.lua share: it is sent in front of each of them.
local call, max, min = redis.call, math.max, math.min
-- How many removals a partition remembers.
local REMEMBERED = 10000
-- How many arguments one call gets.
local AT_ONCE = 2000

local function whole(number) return string.format('%.0f', number) end

local function place(entry)
  local time, order = entry:match('^(%d+)-(%d+)$')
  return tonumber(time), tonumber(order)
end

local function bounds(reference)
  return tonumber(reference:match('^%d+')), tonumber(reference:match('%d+$'))
end

-- Adds to what a partition remembers of removals, and forgets the oldest beyond REMEMBERED.
--
-- `trimmed` and `partition` are as in trim.lua; `members` is {time, member, ...}.
local function remember(trimmed, partition, members)
  if #members == 0 then return end
  for at = 1, #members, AT_ONCE do
    call('ZADD', trimmed, unpack(members, at, min(at + AT_ONCE - 1, #members)))
  end
  call('HSET', partition, 'removed_until', call('ZRANGE', trimmed, -1, -1, 'WITHSCORES')[2])
  local surplus = call('ZCARD', trimmed) - REMEMBERED
  if surplus <= 0 then return end
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
