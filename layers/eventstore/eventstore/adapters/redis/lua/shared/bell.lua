-- The wake-up flag of a partition, the key `bell`. It is absent if the next append needs to wake the partition up.
-- It is OUTSTANDING while a wake-up is on its way, and expires, so that later writes make up for a lost wake-up.
-- It is SILENT, and does not expire, while nobody subscribes: then no write needs to wake the partition up.
-- It is CLOSED, and does not expire, while the partition accepts no writes (log/close.lua): append.lua reads it anyway.
--
-- begin.lua and advance.lua set SILENT, both in the step in which they find that nobody subscribes. What adds a
-- subscription where there was none, subscribe.lua and create_group.lua, replaces it in the same step, and so does
-- begin.lua where it takes a lease.
local OUTSTANDING, SILENT, CLOSED = '1', '0', '2'

-- Whether there may be subscriptions in a partition: ephemeral ones (each is in `behind` or in `terms`), durable ones
-- (`groups`), or those of an instance of the server, which keeps its ephemeral ones to itself, and of which the store
-- only knows the lease. Commands are not asked for: without a group, none is applied, and none can be enqueued.
local function has_subscriptions(turn, behind, terms, groups)
  return redis.call('EXISTS', behind, terms, groups) > 0 or redis.call('HEXISTS', turn, 'dispatcher') == 1
end

-- Whether the partition accepts no writes.
local function is_closed(bell) return redis.call('GET', bell) == CLOSED end

-- Returns whether no wake-up is outstanding; from then on, one is. A closed partition has no turns: nobody wakes it up.
local function claim_wakeup(bell)
  local state = redis.call('GET', bell)
  if state == OUTSTANDING or state == CLOSED then return false end
  redis.call('SET', bell, OUTSTANDING, 'PX', 10000)
  return true
end

local function silence(bell)
  local state = redis.call('GET', bell)
  if state ~= SILENT and state ~= CLOSED then redis.call('SET', bell, SILENT) end
end

local function end_silence(bell)
  if redis.call('GET', bell) == SILENT then redis.call('DEL', bell) end
end
