#!lua flags=allow-oom
-- Moves the goal of the turn under way back, once, unless another turn has begun since.
--
-- KEYS  1 turn    as in begin.lua
-- ARGV  1 token, 2 goal: an entry of the log between the checkpoint and the current goal
--
-- Answers  the goal that holds now, or nothing if another turn has begun
local call = redis.call
local turn = KEYS[1]

local fields = call('HMGET', turn, 'token', 'goal', 'fixed')
if fields[1] ~= ARGV[1] or not fields[2] then return false end
-- Frames may have been sent under a pinned goal.
if fields[3] then return fields[2] end
call('HSET', turn, 'goal', ARGV[2], 'fixed', 1, 'cut', 1)
return ARGV[2]
