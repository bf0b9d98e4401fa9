#!lua flags=no-writes
-- Finds how far a reader of a partition's log can go on without meeting an event that fulfils its clauses.
--
-- KEYS  1 blocks     the partition's blocks, a Redis Stream; the id of each is that of the last entry of the log that it
--                    covers, from behind the block before it: b -> a Bloom filter of its events' terms
-- ARGV  1 place      the entry of the log at which the reader stands
--       2 backwards  '1' or '0'
--       3 clauses (JSON): [[[hash, step], ...], ...]; of each clause one term must be in a block
--       4 most       how many blocks may be looked at
--
-- Answers  '' if it cannot skip anything; onwards the last entry that it need not read, backwards the entry behind which
--          it need not read anything up to its place
local call, byte = redis.call, string.byte
local blocks, place, backwards, most = KEYS[1], ARGV[1], ARGV[2] == '1', tonumber(ARGV[4])
local clauses = cjson.decode(ARGV[3])
local PROBES, STEP = 4, 64

local function has(filter, term)
  local bits = #filter * 8
  if bits == 0 then return false end
  for probe = 0, PROBES - 1 do
    local at = (term[1] + probe * term[2]) % bits
    if bit.band(byte(filter, math.floor(at / 8) + 1), bit.lshift(1, at % 8)) == 0 then return false end
  end
  return true
end

local function may_match(filter)
  for _, clause in ipairs(clauses) do
    local one = false
    for _, term in ipairs(clause) do
      if has(filter, term) then
        one = true
        break
      end
    end
    if not one then return false end
  end
  return true
end

local skipped, looked = '', 0
if not backwards then
  local from = place
  while looked < most do
    local found = call('XRANGE', blocks, from, '+', 'COUNT', STEP)
    for _, block in ipairs(found) do
      if may_match(block[2][2]) then return skipped end
      skipped = block[1]
    end
    if #found < STEP then return skipped end
    looked = looked + #found
    from = '(' .. skipped
  end
  return skipped
end

-- The block in which the reader stands; what no block covers yet is read.
local here = call('XRANGE', blocks, place, '+', 'COUNT', 1)[1]
if not here or may_match(here[2][2]) then return '' end
local to = '(' .. here[1]
while looked < most do
  local found = call('XREVRANGE', blocks, to, '-', 'COUNT', STEP)
  for _, block in ipairs(found) do
    -- All behind this block was looked at, and is to be skipped.
    skipped = block[1]
    if may_match(block[2][2]) then return skipped end
  end
  if #found < STEP then return '0-0' end
  looked = looked + #found
  to = '(' .. skipped
end
return skipped
