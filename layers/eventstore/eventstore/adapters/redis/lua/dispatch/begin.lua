#!lua flags=allow-oom
-- Begins a turn of a partition: takes its bell down, and says where it stands and who has yet to catch up.
--
-- KEYS  1 partition    the partition's hash: epoch, partitions, trims (how many removals it has seen)
--       2 turn         its turns' hash: token, of the newest turn; done, the entry of the log up to which it is
--                      dispatched; goal, where the turn that is under way, or came to nothing, carries that; cut, if
--                      the log goes on behind it; fixed, once narrow_target.lua has moved it back;
--                      behind, whom it carries there that are behind, and trims, as they were when it was set;
--                      leap, what the numbers of frames are ahead by, since here or in renew.lua; inbox, the last
--                      command that it takes in, and now, its time: with durable subscriptions these decide what is
--                      sent as well; alarm, when a turn was last asked for ahead of time;
--                      clock and shift, the last time that the server's clock showed to a turn with durable
--                      subscriptions, and by how much it has been set back since the store was made
--       3 bell         there while a bell is on its way
--       4 log          as in append.lua
--       5 behind       subscriptions that have yet to catch up, a sorted set by the token of their last turn
--       6 places       where each of these stands: <time>-<order>-<index>-<trims when it began>; under end:<key>,
--                      the last entry of the log when it began, unless it began there
--       7 terms        subscriptions that have caught up, a sorted set of <term>:<key>, all of score 0
--       8 inbox        commands for durable subscriptions, as in enqueue_commands.lua
--       9 groups       as in enqueue_commands.lua
-- ARGV  1 epoch to give a new partition, 2 how many partitions a new store has
--       3 about how many events a turn carries, 4 how many subscriptions that are behind, 5 how many commands
--       6 milliseconds since 1970 to take for the server's clock, or nothing
--
-- Answers  {{token, epoch, done, goal, 1 if an earlier try set that, 1 if any has caught up, leap, trims, now, alarm,
--            1 if the goal is fixed, 1 if it is cut, how many that were behind are carried, with those who ended since,
--            the time of this try},
--           {key, place, end or nothing of each that is behind...}, {key, state of each durable subscription...}, {command...},
--           {entry of the log from done to goal..., one more than there are events to carry} or nothing}
local call = redis.call
local partition, turn, bell, log, behind, places, terms, inbox, groups = unpack(KEYS)
-- More frames than a turn has for one subscription.
local LEAP = 100000

-- Milliseconds since 1970 that never go back. What a clock loses by being set back is added from then on, so that it
-- delays nothing for longer than the time since the last turn; and the turn that was asked for then, which may come
-- before its time, is asked for anew.
local function advanced()
  local raw = tonumber(ARGV[6])
  if not raw then
    local time = call('TIME')
    raw = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local last = call('HMGET', turn, 'clock', 'shift')
  local lost = math.max((tonumber(last[1]) or 0) - raw, 0)
  local shift = (tonumber(last[2]) or 0) + lost
  if lost > 0 then call('HDEL', turn, 'alarm') end
  call('HSET', turn, 'clock', string.format('%.0f', raw), 'shift', string.format('%.0f', shift))
  return string.format('%.0f', raw + shift), lost > 0
end

call('DEL', bell)
open_partition(partition, ARGV[1], ARGV[2])
local told = call('HMGET', partition, 'epoch', 'trims')
local trims = told[2] or '0'
local token = call('HINCRBY', turn, 'token', 1)
local have = call('HMGET', turn, 'done', 'goal', 'trims', 'leap', 'behind', 'inbox', 'now', 'alarm', 'fixed', 'cut')
local durable = call('EXISTS', groups) == 1
local done, goal = have[1] or '0-0', have[2]
local again = goal and 1 or 0
local live = call('EXISTS', terms)
local leap, carried = have[4] or '0', {}
local upto, now, cut = have[6] or '', have[7], have[10]
local stamp = '0'
if durable then
  local set_back
  stamp, set_back = advanced()
  if set_back then have[8] = false end
end
for key in (have[5] or ''):gmatch('%S+') do carried[#carried + 1] = key end

if goal and have[3] ~= trims then
  -- What an earlier try may have sent was removed since, in part: under its numbers something else would stand now. So
  -- all numbers go on far from there, and those who were sent something notice a hole, and resume.
  leap = call('HINCRBY', turn, 'leap', LEAP)
  call('HSET', turn, 'trims', trims)
elseif not goal then
  goal = done
  if live == 0 then
    -- Nobody listens: what is new is dispatched as it stands.
    -- Never back, though what lay last was removed: a durable subscription may have to be told of that.
    local newest = call('XREVRANGE', log, '+', '(' .. done, 'COUNT', 1)[1]
    if newest then goal = newest[1] end
  else
    -- Whole appends, so that a turn begins and ends between two of them.
    local left = tonumber(ARGV[3])
    for _, entry in ipairs(call('XRANGE', log, '(' .. done, '+', 'COUNT', left)) do
      local first, last = entry[2][2]:match('^(%d+)%-?(%d*)$')
      left = left - (last == '' and 1 or last - first + 1)
      goal = entry[1]
      if left <= 0 then
        cut = '1'
        break
      end
    end
  end
  carried = call('ZRANGE', behind, 0, ARGV[4] - 1)
  -- A second try must do the same for the same, or its frames would differ.
  if durable then
    local commands = call('XRANGE', inbox, '-', '+', 'COUNT', ARGV[5])
    upto = #commands > 0 and commands[#commands][1] or ''
    now = stamp
  end
  if goal ~= done or #carried > 0 or durable then
    call('HSET', turn, 'goal', goal, 'trims', trims, 'behind', table.concat(carried, ' '), 'inbox', upto, 'now', now or 0)
    if cut then call('HSET', turn, 'cut', cut) end
  end
end

local late = {}
for _, key in ipairs(carried) do
  local place = call('HMGET', places, key, 'end:' .. key)
  -- Who ended since an earlier try has none.
  if place[1] then
    for _, one in ipairs({key, place[1], place[2] or ''}) do late[#late + 1] = one end
  end
end
local states = durable and call('HGETALL', groups) or {}
local commands = upto ~= '' and call('XRANGE', inbox, '-', upto) or {}
local about = {token, told[1], done, goal, again, live, leap, trims, now or '0', have[8] or '0'}
for _, one in ipairs({have[9] and 1 or 0, cut and 1 or 0, #carried, stamp}) do about[#about + 1] = one end
-- What is read next: it spares a round trip.
local ahead = false
if goal ~= done and (durable or live == 1) then
  ahead = call('XRANGE', log, done, goal, 'COUNT', ARGV[3] + 1)
end
return {about, late, states, commands, ahead}
