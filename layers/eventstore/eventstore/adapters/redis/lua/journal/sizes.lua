-- Functions for streams whose entries hold references in the place of bodies.
--
-- A reference has 16 bytes (adapters/journaled/references.py), of which the ninth to twelfth are the size of the body, the
-- most significant first.
local REFERENCE = 16

-- Returns the bytes of the bodies of an entry of a stream.
local function size_of(value)
  local size = 0
  for offset = 1, #value, REFERENCE do size = size + struct.unpack('>I4', value, offset + 8) end
  return size
end

-- After an append: the stream's hash has counted references in the place of bodies.
local function count_sizes(keys, arguments, answer)
  local duplicates = {}
  if type(answer) == 'table' then
    -- Refused.
    if type(answer[1]) ~= 'number' then return end
    for i = 2, #answer, 2 do duplicates[answer[i]] = true end
  end
  local more, index = 0, 0
  local function count(value)
    for offset = 1, #value, REFERENCE do
      index = index + 1
      if not duplicates[index] then more = more + struct.unpack('>I4', value, offset + 8) - REFERENCE end
    end
  end
  if #arguments == 2 then count(arguments[2]) end
  for a = 3, #arguments, 2 do count(arguments[a]) end
  if more ~= 0 then redis.call('HINCRBY', keys[2], 'bytes', string.format('%.0f', more)) end
end
