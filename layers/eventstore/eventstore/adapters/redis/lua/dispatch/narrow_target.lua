#!lua flags=allow-oom
-- Lets the turn that is under way carry the partition less far, once, if no other turn has begun since.
--
-- KEYS  1 turn    as in begin.lua
-- ARGV  1 token, 2 goal: an entry of the log between done and the goal that stands
--
-- Answers  the goal that stands now, or nothing if another turn has begun
local call = redis.call
local turn = KEYS[1]

local have = call('HMGET', turn, 'token', 'goal', 'fixed')
if have[1] ~= ARGV[1] or not have[2] then return false end
-- Under a goal that is fixed something may have been sent.
if have[3] then return have[2] end
call('HSET', turn, 'goal', ARGV[2], 'fixed', 1, 'cut', 1)
return ARGV[2]
