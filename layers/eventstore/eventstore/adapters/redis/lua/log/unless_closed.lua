-- The flags are those of the step.
-- Does a step, `apply`, unless its partition is closed (close.lua).
--
-- KEYS  1 partition
--       2... those of the step
-- ARGV  those of the step
--
-- Answers  as the step, or {'closed'}
if redis.call('HEXISTS', KEYS[1], 'closed') == 1 then return {'closed'} end
return apply({unpack(KEYS, 2)}, ARGV, redis)
