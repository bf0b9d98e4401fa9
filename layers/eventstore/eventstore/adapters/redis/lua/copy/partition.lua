#!lua flags=allow-oom
-- Gives a partition what it has in another store besides its streams: the end of its log, and the removals that it
-- remembers, in one or more calls.
--
-- The end may be behind the last append, where a deletion was noted. Readers hold it as their cursor, so what is appended
-- from now on must come after it, whatever the clock of this server says.
--
-- KEYS  1 partition, 2 trimmed    as in log/trim.lua
--       3 log                     as in log/append.lua
-- ARGV  1 milliseconds since 1970 of the end; as in copy/append.lua
--       2 id of the end
--       3 trims, 4 forgotten, 5 forgotten_serial, 6 removed_until    fields of the partition, '' for none
--       7 '1' in the first call, which forgets all that it remembers
--       8... time and member of each removal
local call = redis.call
local partition, trimmed, log = unpack(KEYS)
if ARGV[7] == '1' then call('DEL', trimmed) end
for i, field in ipairs({'trims', 'forgotten', 'forgotten_serial', 'removed_until'}) do
  if ARGV[i + 2] == '' then call('HDEL', partition, field) else call('HSET', partition, field, ARGV[i + 2]) end
end
if #ARGV > 7 then call('ZADD', trimmed, unpack(ARGV, 8)) end
if ARGV[2] == last_entry(log) then return end
-- A key that is not there has no last id to set.
if call('EXISTS', log) == 0 then call('XDEL', log, call('XADD', log, ARGV[2], '', '')) end
call('XSETID', log, ARGV[2])
