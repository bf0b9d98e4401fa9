#!lua
-- Finds out what an unconditional append of new events needs to know: check.lua for most appends, at a fraction of its
-- cost. Whether the other events are new, the fold decides. It is refused where the memory of the server is full.
--
-- KEYS  1 partition    as in fold.lua
--       2 state        as in log/append.lua
-- ARGV  1 the key of the first event, 2 milliseconds since 1970 that replace the server's clock, or nothing
--
-- Answers  {1 if check.lua has to decide, time in milliseconds since 1970, folded, identity of the journal or nothing,
--           why it has diverged or nothing, '1' if it accepts no writes or nothing}
local fields = redis.call('HMGET', KEYS[1], 'folded', 'journal', 'diverged', 'closed')
local stored = redis.call('HMGET', KEYS[2], 'gone', ARGV[1])
local is_refused = (stored[1] or stored[2]) and 1 or 0
return {is_refused, string.format('%.0f', server_time(ARGV[2])), fields[1] or '0', fields[2], fields[3], fields[4]}
