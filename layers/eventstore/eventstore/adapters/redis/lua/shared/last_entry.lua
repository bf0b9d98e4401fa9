-- What scripts share that need the end of a log: it is sent in front of each of them.

-- Returns the id of the last entry that a log has ever had, or '0-0'. That is not its newest entry: later ones may have
-- been removed.
local function last_entry(log)
  if redis.call('EXISTS', log) == 1 then
    local info = redis.call('XINFO', 'STREAM', log)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then return info[i + 1] end
    end
  end
  return '0-0'
end
