#!lua flags=allow-oom
-- Moves the checkpoint of a partition in which nobody subscribes to the end of its log, and silences its bell: what a
-- turn would do. Does nothing if anybody subscribes.
--
-- KEYS  1 turn, 2 bell, 3 log, 4 behind, 5 terms, 6 groups    as in begin.lua
local call = redis.call
local turn, bell, log, behind, terms, groups = unpack(KEYS)

if is_closed(bell) or has_subscriptions(turn, behind, terms, groups) then return end
silence(bell)
local fields = call('HMGET', turn, 'done', 'goal')
-- The subscriptions of a turn that did not commit have ended. Its goal is never before the checkpoint.
local checkpoint = fields[2] or fields[1] or '0-0'
local newest = call('XREVRANGE', log, '+', '(' .. checkpoint, 'COUNT', 1)[1]
if not newest and not fields[2] then return end
-- A turn that is under way, or a commit that is repeated, must not move the checkpoint back.
call('HINCRBY', turn, 'token', 1)
call('HSET', turn, 'done', newest and newest[1] or checkpoint)
call('HDEL', turn, 'goal', 'fixed', 'cut', 'trims', 'behind', 'inbox', 'now')
