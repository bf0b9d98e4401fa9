#!lua flags=no-writes
-- Finds the caught-up subscriptions of index terms.
--
-- KEYS  1 terms    as in begin.lua
-- ARGV  terms
--
-- Answers  {number of the term, from 1, {<term>:<key>, ...}, ...} for each term that has subscriptions
local answer = {}
for i, term in ipairs(ARGV) do
  -- ';' is the character after ':'.
  local members = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. term .. ':', '(' .. term .. ';')
  if #members > 0 then
    answer[#answer + 1] = i
    answer[#answer + 1] = members
  end
end
return answer
