#!lua flags=no-writes
-- Finds the subscriptions that have caught up, by their terms.
--
-- KEYS  1 terms    as in begin.lua
-- ARGV  terms
--
-- Answers  {number of the term, from 1, {<term>:<key>, ...}, ...} for each term that any is found under
local found = {}
for i, term in ipairs(ARGV) do
  -- ';' is the character behind ':'.
  local members = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. term .. ':', '(' .. term .. ';')
  if #members > 0 then
    found[#found + 1] = i
    found[#found + 1] = members
  end
end
return found
