#!lua flags=no-writes
-- Finds the caught-up subscriptions of index terms, unless another turn has begun.
--
-- KEYS  1 turn, 2 terms    as in begin.lua
--       3 frames           as in commit.lua
-- ARGV  1 token, 2... terms
--
-- Answers  nothing if another turn has begun, or
--          {{number of the term, from 1, {<term>:<key>, ...}, ...} for each term that has subscriptions,
--           {key, number of its last frame as in `frames`, ...} of all these if they are few, else {}}
local call = redis.call
local turn, terms, frames = unpack(KEYS)
-- Subscriptions whose frames are returned, at most. Of many, most of which may not match, a turn asks for those that do.
local MAX_FRAMES = 200

if call('HGET', turn, 'token') ~= ARGV[1] then return false end
local members_by_term, keys, seen = {}, {}, {}
for i = 2, #ARGV do
  local term = ARGV[i]
  -- ';' is the character after ':'.
  local members = call('ZRANGEBYLEX', terms, '[' .. term .. ':', '(' .. term .. ';')
  if #members > 0 then
    members_by_term[#members_by_term + 1] = i - 1
    members_by_term[#members_by_term + 1] = members
    if #keys + #members <= MAX_FRAMES then
      for _, member in ipairs(members) do
        local key = member:sub(#term + 2)
        if not seen[key] then
          seen[key] = true
          keys[#keys + 1] = key
        end
      end
    else
      -- Not all are returned, so none is.
      MAX_FRAMES = 0
    end
  end
end
local last_frames = {}
if MAX_FRAMES > 0 and #keys > 0 then
  for i, frame in ipairs(call('HMGET', frames, unpack(keys))) do
    last_frames[2 * i - 1], last_frames[2 * i] = keys[i], frame or 0
  end
end
return {members_by_term, last_frames}
