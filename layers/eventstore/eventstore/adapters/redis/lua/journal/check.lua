#!lua
-- Tries a step, and changes nothing: what it would answer if it changes nothing, or that it would change something.
-- So what fails already need not be written into the journal. It is refused where the memory of the server is full.
--
-- `apply` is the script of the step (`step` of `Script`).
--
-- KEYS  1 partition    as in fold.lua
--       2... those of the step
-- ARGV  1 '1' to go on behind the first change, as if it were done: the answer is then that of a step that changes
--       2 milliseconds since 1970 that replace the server's clock, or nothing
--       3... those of the step
--
-- Answers  {answer of the step, or nothing if it would change something, time in milliseconds since 1970, folded,
--           identity of the journal or nothing, why it has diverged or nothing, '1' if it accepts no writes or nothing}
local READS = {EXISTS = 1, GET = 1, HEXISTS = 1, HGET = 1, HMGET = 1, XINFO = 1, XLEN = 1, XRANGE = 1, XREVRANGE = 1,
  ZCARD = 1, ZRANGE = 1}
local CHANGES = {}
local goes_on = ARGV[1] == '1'

local trying = {call = function(name, ...)
  if READS[name] then return redis.call(name, ...) end
  if goes_on then return 0 end
  error(CHANGES)
end}

local fields = redis.call('HMGET', KEYS[1], 'folded', 'journal', 'diverged', 'closed')
local time, answer = string.format('%.0f', server_time(ARGV[2])), false
if fields[2] and not fields[3] and not fields[4] then
  local ok, result = pcall(apply, {unpack(KEYS, 2)}, {unpack(ARGV, 3)}, trying)
  if ok then
    answer = result or false
  elseif result ~= CHANGES then
    error(result)
  end
end
return {answer, time, fields[1] or '0', fields[2], fields[3], fields[4]}
