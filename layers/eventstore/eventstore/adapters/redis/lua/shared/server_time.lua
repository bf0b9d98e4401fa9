-- What scripts share that need the time: it is sent in front of each of them.

-- Returns milliseconds since 1970 by the server's clock, or by the text that replaces it, unless that is empty.
local function server_time(replacement)
  local replaced = tonumber(replacement)
  if replaced then return replaced end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
