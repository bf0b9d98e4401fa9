#!lua flags=allow-oom
-- Keeps the inbox of an instance from expiring, and removes the messages that the instance has received. Creates the
-- inbox if it does not exist.
--
-- KEYS  1 inbox    the messages to an instance, a Redis Stream; ids are <number of the inbox>-<number of the message>,
--                  the latter without a gap. Entry 0 is no message: it only creates the inbox
-- ARGV  1 id of the last message received, or 0-0
--       2 milliseconds after which the inbox expires unless it is kept again
--       3 number of a new inbox, a random one: ids of an inbox that was lost are not those of the next one
--
-- Answers  {id of the newest entry, 1 if it was created}
local call = redis.call
local inbox = KEYS[1]
local newest, is_new = call('XREVRANGE', inbox, '+', '-', 'COUNT', 1)[1], 0
if newest then
  newest = newest[1]
  local own, last = newest:match('^(%d+)-(%d+)$')
  local received_from, received = ARGV[1]:match('^(%d+)-(%d+)$')
  -- A failover may lose messages that were received: then the id is of this inbox, but beyond its end.
  if own == received_from and tonumber(received) <= tonumber(last) then call('XTRIM', inbox, 'MINID', ARGV[1]) end
else
  newest, is_new = call('XADD', inbox, ARGV[3] .. '-0', '', ''), 1
end
call('PEXPIRE', inbox, ARGV[2])
return {newest, is_new}
