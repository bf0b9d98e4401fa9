#!lua flags=allow-oom
-- Begins a turn of a partition: clears or silences its bell, and returns its checkpoint, goal, subscriptions and commands.
-- While another instance holds a lease of the partition, it changes nothing.
--
-- KEYS  1 partition    the partition's hash: epoch, partitions, trims (its removal serial)
--       2 turn         the hash of its turns:
--                      token   the fencing token of the newest turn
--                      done    the checkpoint: the entry of the log up to which it was dispatched
--                      goal    the entry up to which the turn under way dispatches; a turn that does not
--                              commit leaves it to the next one
--                      cut     set if the log continues behind the goal
--                      fixed   set once narrow_goal.lua has moved the goal back
--                      behind  the keys of the subscriptions that this turn catches up, when the goal was set
--                      trims   the removal serial when the goal was set
--                      inbox   the last command that this turn applies
--                      now     the time of this turn; with durable subscriptions, inbox and now decide on its frames
--                      leap    the frame offset, which this script and renew.lua increase
--                      alarm   the time of the last turn that was scheduled ahead
--                      clock   the server's clock as the last turn with durable subscriptions read it
--                      shift   by how many milliseconds that clock has been set back since the store was created
--                      dispatcher, lease, term    the instance that holds a lease of the partition, when the lease
--                              ends by the server's clock, and how many milliseconds it lasts
--       3 bell         the wake-up flag, as in shared/bell.lua
--       4 log          as in append.lua
--       5 behind       the subscriptions that have yet to catch up, a sorted set by the token of their last turn
--       6 places       key -> the position of such a subscription, <time>-<order>-<index>-<removal serial at start>;
--                      end:<key> -> the last entry of the log when it started, unless it started there
--       7 terms        the subscriptions that have caught up, a sorted set of <term>:<key>, all of score 0
--       8 inbox        commands for durable subscriptions, as in enqueue_commands.lua
--       9 groups       as in enqueue_commands.lua
-- ARGV  1 epoch for a new partition, 2 number of partitions and 3 of shards of a new store
--       4 about how many events a turn covers, 5 maximum number of subscriptions to catch up
--       6 maximum number of commands
--       7 milliseconds since 1970 that replace the server's clock, or nothing
--       8 the instance that takes or renews a lease of the partition, 9 how many milliseconds the lease lasts; or
--         nothing, and 0: then no lease is left
--
-- Answers  {'closed'} if the partition accepts no writes: there is no turn either; or
--          the instance that holds a lease, if it is another one; or
--          {{token, epoch, checkpoint, goal, 1 if this is a retry, 1 if any subscription has caught up, frame offset,
--            removal serial, now, alarm, 1 if the goal is pinned, 1 if the log continues behind it, number of
--            subscriptions to catch up including those that ended since, time of this try},
--           {key, position, end or '' of each subscription to catch up...}, {key, state of each group...},
--           {command...},
--           {entry of the log from checkpoint to goal...} if they are few, or nothing}
local call = redis.call
local partition, turn, bell, log, behind, places, terms, inbox, groups = unpack(KEYS)
-- Greater than the number of frames that a turn sends to one subscription.
local OFFSET_STEP = 100000
-- References that are returned with a turn, at most.
local READ_AHEAD = 32

-- Milliseconds since 1970 that never go back. The time by which the clock is set back is added from then on, so nothing
-- is delayed by more than the time since the last turn. The turn that was scheduled ahead may then come too early, so
-- the alarm is cleared and a new one is scheduled.
local function monotonic_time()
  local raw = server_time(ARGV[7])
  local last = call('HMGET', turn, 'clock', 'shift')
  local lost = math.max((tonumber(last[1]) or 0) - raw, 0)
  local shift = (tonumber(last[2]) or 0) + lost
  if lost > 0 then call('HDEL', turn, 'alarm') end
  call('HSET', turn, 'clock', string.format('%.0f', raw), 'shift', string.format('%.0f', shift))
  return string.format('%.0f', raw + shift), lost > 0
end

-- Takes or renews the lease that the caller asks for. Returns the instance that holds one, if it is another one.
--
-- If the rest of a lease is longer than the lease, the clock was set back since. The lease counts as expired, for its
-- end may be hours away. If its holder is alive, its turn cannot commit.
local function take_lease(dispatcher, lease_end, term)
  local instance = ARGV[8]
  if not dispatcher and instance == '' then return nil end
  local now = server_time(ARGV[7])
  if dispatcher and dispatcher ~= instance then
    local left = lease_end - now
    if left > 0 and left <= tonumber(term) then return dispatcher end
  end
  if instance == '' then
    call('HDEL', turn, 'dispatcher', 'lease', 'term')
  else
    call('HSET', turn, 'dispatcher', instance, 'lease', string.format('%.0f', now + ARGV[9]), 'term', ARGV[9])
  end
end

if is_closed(bell) then return {'closed'} end
local fields = call('HMGET', turn, 'done', 'goal', 'trims', 'leap', 'behind', 'inbox', 'now', 'alarm', 'fixed', 'cut',
  'dispatcher', 'lease', 'term')
-- Before anything changes: a wake-up is left to the holder.
local holder = take_lease(fields[11], fields[12], fields[13])
if holder then return holder end

if has_subscriptions(turn, behind, terms, groups) then call('DEL', bell) else silence(bell) end
open_partition(partition, ARGV[1], ARGV[2], ARGV[3])
local partition_fields = call('HMGET', partition, 'epoch', 'trims')
local epoch, removals = partition_fields[1], partition_fields[2] or '0'
local token = call('HINCRBY', turn, 'token', 1)
local has_groups = call('EXISTS', groups) == 1
local checkpoint, goal = fields[1] or '0-0', fields[2]
local is_retry = goal and 1 or 0
local has_live = call('EXISTS', terms)
local frame_offset, carried = fields[4] or '0', {}
local last_command, now, has_more = fields[6] or '', fields[7], fields[10]
local alarm, pinned = fields[8], fields[9]
-- Whoever held the lease scheduled the next turn in its own memory.
if fields[11] and fields[11] ~= ARGV[8] then
  call('HDEL', turn, 'alarm')
  alarm = false
end
local stamp = '0'
if has_groups then
  local was_set_back
  stamp, was_set_back = monotonic_time()
  if was_set_back then alarm = false end
end
for key in (fields[5] or ''):gmatch('%S+') do carried[#carried + 1] = key end

if goal and fields[3] ~= removals then
  -- Some events that an earlier try may have sent were removed since, so the same numbers would name other events. All
  -- numbers move far ahead; subscribers that received some of these frames notice a gap, and resume.
  frame_offset = call('HINCRBY', turn, 'leap', OFFSET_STEP)
  call('HSET', turn, 'trims', removals)
elseif not goal then
  goal = checkpoint
  if has_live == 0 then
    -- Without live subscriptions, all new events count as dispatched.
    -- Never back, even if the last entry was removed: a durable subscription may have to report that removal.
    local newest = call('XREVRANGE', log, '+', '(' .. checkpoint, 'COUNT', 1)[1]
    if newest then goal = newest[1] end
  else
    -- Whole appends, so that a turn begins and ends between two of them.
    local left = tonumber(ARGV[4])
    for _, entry in ipairs(call('XRANGE', log, '(' .. checkpoint, '+', 'COUNT', left)) do
      local first, last = entry[2][2]:match('^(%d+)%-?(%d*)$')
      left = left - (last == '' and 1 or last - first + 1)
      goal = entry[1]
      if left <= 0 then
        has_more = '1'
        break
      end
    end
  end
  carried = call('ZRANGE', behind, 0, ARGV[5] - 1)
  -- A retry must apply the same commands at the same time, or its frames would differ.
  if has_groups then
    local commands = call('XRANGE', inbox, '-', '+', 'COUNT', ARGV[6])
    last_command = #commands > 0 and commands[#commands][1] or ''
    now = stamp
  end
  if goal ~= checkpoint or #carried > 0 or has_groups then
    call('HSET', turn, 'goal', goal, 'trims', removals, 'behind', table.concat(carried, ' '),
      'inbox', last_command, 'now', now or 0)
    if has_more then call('HSET', turn, 'cut', has_more) end
  end
end

local catching_up = {}
for _, key in ipairs(carried) do
  local place = call('HMGET', places, key, 'end:' .. key)
  -- A subscription that ended since an earlier try has no place.
  if place[1] then
    for _, value in ipairs({key, place[1], place[2] or ''}) do catching_up[#catching_up + 1] = value end
  end
end
local states = has_groups and call('HGETALL', groups) or {}
local commands = last_command ~= '' and call('XRANGE', inbox, '-', last_command) or {}
local summary = {token, epoch, checkpoint, goal, is_retry, has_live, frame_offset, removals, now or '0', alarm or '0'}
for _, value in ipairs({pinned and 1 or 0, has_more and 1 or 0, #carried, stamp}) do summary[#summary + 1] = value end
-- The references that the turn reads next, if they are few: returning them here saves a round trip. Of many, which take
-- much longer than a round trip, a script answers more slowly than XRANGE alone.
local references = false
if goal ~= checkpoint and (has_groups or has_live == 1) then
  references = call('XRANGE', log, checkpoint, goal, 'COUNT', READ_AHEAD + 1)
  if #references > READ_AHEAD then references = false end
end
return {summary, catching_up, states, commands, references}
