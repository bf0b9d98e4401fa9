#!lua flags=allow-oom
-- Stores the result of a turn, unless another turn has begun since.
--
-- KEYS  1 turn, 2 log, 3 behind, 4 places, 5 terms    as in begin.lua
--       6 subscriptions    key -> definition of each ephemeral subscription; keys that are absent have ended
--       7 frames           key -> number of the last frame sent, less the frame offset of begin.lua
--       8 inbox, 9 groups    as in enqueue_commands.lua
--       10 durables          as in create_group.lua
-- ARGV  1 token, 2 goal
--       3 JSON: {"frames": [key, number, ...], "places": [key, place, ...], "caught_up": [key, [term, ...], ...],
--               "groups": [key, state, ...], "alarm": time of the turn that was scheduled ahead, 0 if none was,
--               "definitions": [key, new definition, ...]}
--       4 as 7 in begin.lua
--
-- Answers  1 if the partition has more to do, 0 if not, which is so if nobody subscribes; -1 if another turn has begun
local call = redis.call
local turn, log, behind, places, terms, subscriptions, frames, inbox, groups, durables = unpack(KEYS)
local token, goal = ARGV[1], ARGV[2]

local fields = call('HMGET', turn, 'token', 'done', 'inbox', 'now', 'alarm', 'clock', 'shift')
if fields[1] ~= token then return -1 end
local last_command, now, alarm = fields[3], fields[4], fields[5]
if fields[2] ~= goal then call('HSET', turn, 'done', goal) end
call('HDEL', turn, 'goal', 'fixed', 'cut', 'trims', 'behind', 'inbox', 'now')
if last_command and last_command ~= '' then
  for _, command in ipairs(call('XRANGE', inbox, '-', last_command)) do call('XDEL', inbox, command[1]) end
end

local result = cjson.decode(ARGV[3])
for i = 1, #result.frames, 2 do
  local key = result.frames[i]
  if call('HEXISTS', subscriptions, key) == 1 then
    call('HSET', frames, key, string.format('%.0f', result.frames[i + 1]))
  end
end
for i = 1, #result.places, 2 do
  local key = result.places[i]
  if call('HEXISTS', subscriptions, key) == 1 then
    call('HSET', places, key, result.places[i + 1])
    call('ZADD', behind, token, key)
  end
end
for i = 1, #result.caught_up, 2 do
  local key = result.caught_up[i]
  if call('HEXISTS', subscriptions, key) == 1 then
    for _, term in ipairs(result.caught_up[i + 1]) do call('ZADD', terms, 0, term .. ':' .. key) end
    call('ZREM', behind, key)
    call('HDEL', places, key, 'end:' .. key)
  end
end

for i = 1, #result.groups, 2 do
  local key = result.groups[i]
  if call('HEXISTS', groups, key) == 1 then call('HSET', groups, key, result.groups[i + 1]) end
end
for i = 1, #result.definitions, 2 do
  local key = result.definitions[i]
  if call('HEXISTS', durables, key) == 1 then call('HSET', durables, key, result.definitions[i + 1]) end
end
if result.alarm > 0 then
  call('HSET', turn, 'alarm', string.format('%.0f', result.alarm))
elseif now and alarm and tonumber(now) < tonumber(alarm) then
  -- A retry has the time of the first try, so it leaves work to the scheduled turn, which may have been this retry.
  local raw = tonumber(ARGV[4])
  if not raw then
    local time = call('TIME')
    raw = time[1] * 1000 + time[2] / 1000
  end
  -- As in begin.lua; if the clock was set back since, the next turn corrects it.
  if tonumber(alarm) <= math.max(raw, tonumber(fields[6]) or 0) + (tonumber(fields[7]) or 0) then return 1 end
end

-- Turns would follow each other as long as clients publish, and find nobody.
if not has_subscriptions(turn, behind, terms, groups) then return 0 end
if call('EXISTS', behind) == 1 or call('XLEN', inbox) > 0 then return 1 end
return #call('XRANGE', log, '(' .. goal, '+', 'COUNT', 1)
