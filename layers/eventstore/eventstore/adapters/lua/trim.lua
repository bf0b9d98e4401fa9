-- Removes events that a stream no longer keeps, oldest first, with all that refers to them.
--
-- `first` moves in the same step: a reader sees all of it or nothing. What a caller that died left behind, the next
-- one removes, for `first` tells it.
--
-- KEYS  1 events, 2 state, 3 log    as in append.lua
--       4 ids                       as in index.lua
-- ARGV  1 name, 2 first (the least sequence that is kept)
--       3... entry id, key, bytes of each event to remove; all are below `first`
--
-- Answers  how many were removed
local call = redis.call
local events, state, log, ids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name = ARGV[1]

local have = call('HMGET', state, 'first', 'bytes')
local first = math.max(tonumber(have[1]) or 1, tonumber(ARGV[2]))
local bytes, removed, times = tonumber(have[2]) or 0, 0, {}
for a = 3, #ARGV, 3 do
  local id, key = ARGV[a], ARGV[a + 1]
  -- Two callers may bring the same event; only the one that finds it counts it.
  if call('XDEL', events, id) == 1 then
    removed = removed + 1
    bytes = bytes - tonumber(ARGV[a + 2])
    local sequence, time = id:match('^(%d+)-(%d+)$')
    times[time] = true
    -- After a deletion the same source and id may stand again, further on.
    if call('HGET', state, key) == sequence then call('HDEL', state, key) end
    local short = key:sub(1, 8)
    local places = call('HGET', ids, short)
    if places then
      local left = {}
      for place in places:gmatch('%S+') do
        if place ~= name .. '/' .. sequence then left[#left + 1] = place end
      end
      if #left == 0 or (#left == 1 and left[1] == '*') then
        call('HDEL', ids, short)
      else
        call('HSET', ids, short, table.concat(left, ' '))
      end
    end
  end
end
for time in pairs(times) do
  for _, entry in ipairs(call('XRANGE', log, time, time)) do
    local last = entry[2][2]:match('%d+$')
    -- A reference to several events goes with the last of them.
    if entry[2][1] == name and tonumber(last) < first then call('XDEL', log, entry[1]) end
  end
end
call('HSET', state, 'first', string.format('%.0f', first), 'bytes', string.format('%.0f', bytes))
return removed
