#!lua flags=allow-oom
-- Takes the next record of a journal into the index: does the step that it describes, once, and keeps its outcome.
--
-- The index is a function of the journal alone: whoever folds the records of a partition, and however often, in however
-- many pieces, the same records give the same keys. So nothing here, and nothing in a step, may depend on the server's
-- clock, on chance, or on how far subscribers are. What does, is decided before, and stands in the record. The hash of
-- the turns is no part of the index.
--
-- `apply` is the script of the step (`step` of `Script`); a step that fails halfway fails so for everybody.
--
-- KEYS  1 partition    the partition's hash: `folded` is the position of the last record taken in, `nonce` its nonce,
--                      `journal` the identity of the journal, `clock` the newest time that a record was stored under,
--                      `foreign` how many records were not understood, `diverged` why nothing is folded any more,
--                      `closed` is set while nothing is folded (log/close.lua); `unrestored` is set until the groups of the partition are what the journal has of them
--                      (restore.lua). An index that was set back has a `goal` until it is folded up to there, and its
--                      epoch is `hidden`: so nobody takes the end of what is folded for the end of the log
--       2 outcomes     the newest RING outcomes, a hash: position % RING -> {position, nonce, answer} (MessagePack);
--                      nonce -> position % RING
--       3 turn         as in dispatch/begin.lua
--       4... those of the step
-- ARGV  1 position, 2 identity of the journal, 3 nonce of the record, '' if it was erased or is not understood
--       4 its time, in milliseconds since 1970
--       5 the argument of the step that the time is appended to, from 1; 0 for none
--       6 '', or if records behind this one say that it was folded before, the end of the journal: the index has been set
--         back, or is made anew, and what was acknowledged is up to there
--       7 '1' if the arguments of the step hold references in the place of bodies
--       8... those of the step
--
-- Answers  {'folded', answer of the step} | {'ahead', folded} | {'lost'}, if the outcome is not kept any more |
--          {'diverged', why} | {'closed'}
local partition, outcomes = KEYS[1], KEYS[2]
local position, identity, nonce = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local RING = 1024

local fields = redis.call('HMGET', partition, 'folded', 'journal', 'clock', 'diverged', 'goal', 'closed')
if fields[4] then return {'diverged', fields[4]} end
local folded = tonumber(fields[1]) or 0
local function diverge(why)
  redis.call('HSET', partition, 'diverged', why)
  return {'diverged', why}
end
if fields[2] and fields[2] ~= identity then return diverge('another journal') end

local slot = position % RING
local held = redis.call('HGET', outcomes, slot)
held = held and cmsgpack.unpack(held)
if position <= folded then
  if not held or held[1] ~= position then return {'lost'} end
  -- The journal has given the position twice: it has lost the record that was folded.
  if held[2] ~= '' and nonce ~= '' and held[2] ~= nonce then return diverge('a position of another record') end
  return {'folded', held[3]}
end
if fields[6] then return {'closed'} end
if position > folded + 1 then return {'ahead', folded} end

local goal = tonumber(fields[5])
if ARGV[6] ~= '' then
  leap(KEYS[3])
  goal = math.max(goal or 0, tonumber(ARGV[6]))
  redis.call('HSET', partition, 'unrestored', 1, 'goal', string.format('%.0f', goal))
end
-- Moves a field of the partition, if it is there. Steps find the epoch where it always is.
local function move(from, to)
  local value = redis.call('HGET', partition, from)
  if value then
    redis.call('HSET', partition, to, value)
    redis.call('HDEL', partition, from)
  end
end
if goal then move('hidden', 'epoch') end
local answer
local earlier = nonce ~= '' and redis.call('HGET', outcomes, nonce)
-- The clock goes by the records that stay for ever: others are gone when the index is made again.
local stamped = tonumber(ARGV[5])
local time = tonumber(fields[3]) or 0
if stamped > 0 then time = math.max(time, tonumber(ARGV[4])) end
if earlier then
  -- The record was sent again, and is here twice.
  answer = cmsgpack.unpack(redis.call('HGET', outcomes, earlier))[3]
else
  local keys, arguments = {unpack(KEYS, 4)}, {unpack(ARGV, 8)}
  if stamped > 0 then arguments[stamped] = (arguments[stamped] or '') .. string.format('%.0f', time) end
  local ok, result = pcall(apply, keys, arguments, redis)
  if ok then
    if ARGV[7] == '1' then count_sizes(keys, arguments, result) end
    answer = result or ''
  else
    answer = {'failed', tostring(type(result) == 'table' and result.err or result)}
    redis.call('HINCRBY', partition, 'foreign', 1)
  end
end
redis.call('HSET', partition, 'folded', ARGV[1], 'journal', identity, 'nonce', nonce, 'clock', string.format('%.0f', time))
if goal and position >= goal then redis.call('HDEL', partition, 'goal') elseif goal then move('epoch', 'hidden') end
if held and held[2] ~= '' then redis.call('HDEL', outcomes, held[2]) end
redis.call('HSET', outcomes, slot, cmsgpack.pack({position, nonce, answer}))
if nonce ~= '' then redis.call('HSET', outcomes, nonce, slot) end
return {'folded', answer}
