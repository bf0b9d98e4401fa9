#!lua flags=allow-oom
-- Writes down what a turn has done, if no other turn has begun since.
--
-- KEYS  1 turn, 2 log, 3 behind, 4 places, 5 terms    as in begin.lua
--       6 subscriptions    what each subscription is, by its key; who is not there has ended, and is passed over
--       7 frames           the number of the last frame of each, less the leap of begin.lua
--       8 inbox, 9 groups    as in enqueue_commands.lua
--       10 durables          as in create_group.lua
-- ARGV  1 token, 2 goal
--       3 JSON: {"frames": [key, number, ...], "places": [key, place, ...], "caught_up": [key, [term, ...], ...],
--               "groups": [key, state, ...], "alarm": when a turn was asked for, 0 if none was,
--               "definitions": [key, what it is now, ...]}
--       4 as 6 in begin.lua
--
-- Answers  1 if there is more to do, 0 if not, -1 if another turn has begun
local call = redis.call
local turn, log, behind, places, terms, subscriptions, frames, inbox, groups, durables = unpack(KEYS)
local token, goal = ARGV[1], ARGV[2]

local have = call('HMGET', turn, 'token', 'done', 'inbox', 'now', 'alarm', 'clock', 'shift')
if have[1] ~= token then return -1 end
if have[2] ~= goal then call('HSET', turn, 'done', goal) end
call('HDEL', turn, 'goal', 'fixed', 'cut', 'trims', 'behind', 'inbox', 'now')
if have[3] and have[3] ~= '' then
  for _, command in ipairs(call('XRANGE', inbox, '-', have[3])) do call('XDEL', inbox, command[1]) end
end

local told = cjson.decode(ARGV[3])
for i = 1, #told.frames, 2 do
  local key = told.frames[i]
  if call('HEXISTS', subscriptions, key) == 1 then call('HSET', frames, key, string.format('%.0f', told.frames[i + 1])) end
end
for i = 1, #told.places, 2 do
  local key = told.places[i]
  if call('HEXISTS', subscriptions, key) == 1 then
    call('HSET', places, key, told.places[i + 1])
    call('ZADD', behind, token, key)
  end
end
for i = 1, #told.caught_up, 2 do
  local key = told.caught_up[i]
  if call('HEXISTS', subscriptions, key) == 1 then
    for _, term in ipairs(told.caught_up[i + 1]) do call('ZADD', terms, 0, term .. ':' .. key) end
    call('ZREM', behind, key)
    call('HDEL', places, key, 'end:' .. key)
  end
end

for i = 1, #told.groups, 2 do
  local key = told.groups[i]
  if call('HEXISTS', groups, key) == 1 then call('HSET', groups, key, told.groups[i + 1]) end
end
for i = 1, #told.definitions, 2 do
  local key = told.definitions[i]
  if call('HEXISTS', durables, key) == 1 then call('HSET', durables, key, told.definitions[i + 1]) end
end
if told.alarm > 0 then
  call('HSET', turn, 'alarm', string.format('%.0f', told.alarm))
elseif have[4] and have[5] and tonumber(have[4]) < tonumber(have[5]) then
  -- A second try has the time of the first. What it left to the turn that was asked for, that may have been itself.
  local raw = tonumber(ARGV[4])
  if not raw then
    local time = call('TIME')
    raw = time[1] * 1000 + time[2] / 1000
  end
  -- As in begin.lua; what the clock was set back since, the next turn finds.
  if tonumber(have[5]) <= math.max(raw, tonumber(have[6]) or 0) + (tonumber(have[7]) or 0) then return 1 end
end

if call('EXISTS', behind) == 1 or call('XLEN', inbox) > 0 then return 1 end
return #call('XRANGE', log, '(' .. goal, '+', 'COUNT', 1)
