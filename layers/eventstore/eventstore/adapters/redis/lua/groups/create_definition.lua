-- Stores the definition of a durable subscription, unless there is one of its name.
--
-- KEYS  1 definition    the definition, by the subscription's name
--       2 reference     the reference to a named filter, if the subscription has one
-- ARGV  1 definition, 2 reference, if it has one
--
-- Answers  1 if it was stored, 0 if there is one
if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 0 end
if ARGV[2] then
  redis.call('SET', KEYS[2], ARGV[2])
else
  redis.call('DEL', KEYS[2])
end
return 1
