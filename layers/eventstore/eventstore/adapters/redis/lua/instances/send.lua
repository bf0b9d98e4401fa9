#!lua flags=allow-oom
-- Appends messages to the inbox of an instance, if it has one. The oldest messages beyond the maximum are removed.
--
-- KEYS  1 inbox    as in keep_inbox.lua
-- ARGV  1 about how many messages an inbox holds, 2... messages
--
-- Answers  1, or 0 if the instance has no inbox
local call = redis.call
local inbox = KEYS[1]
local newest = call('XREVRANGE', inbox, '+', '-', 'COUNT', 1)[1]
if not newest then return 0 end
local id = newest[1]:match('^%d+') .. '-*'
for i = 2, #ARGV do call('XADD', inbox, 'MAXLEN', '~', ARGV[1], id, '', ARGV[i]) end
return 1
