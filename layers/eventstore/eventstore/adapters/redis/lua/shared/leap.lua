-- Moves the frame numbers and fencing tokens of a partition far ahead: nobody has met those behind that.
--
-- The turns of the partition are older than what clients and instances know, since the store was set back. A subscriber
-- that received frames since would drop the next ones as repeats; now it notices a gap. A turn that began since could
-- hold a token that is issued again. A store may be set back several times, to the same state, so the numbers come from
-- the server's clock, in microseconds, which counts faster than frames and turns.
local function leap(turn)
  local now = redis.call('TIME')
  for _, field in ipairs({'leap', 'token'}) do
    local number = tonumber(redis.call('HGET', turn, field)) or 0
    redis.call('HSET', turn, field, string.format('%.0f', math.max(number + 1, now[1] * 1000000 + now[2])))
  end
end
