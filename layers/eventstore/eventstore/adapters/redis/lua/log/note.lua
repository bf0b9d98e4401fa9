#!lua flags=allow-oom
-- Sets fields of the hash of a partition, also where the memory is full: what they are for makes room.
--
-- KEYS  1 partition
-- ARGV  field, value, ...
redis.call('HSET', KEYS[1], unpack(ARGV))
