#!lua flags=no-writes
-- Finds how far a reader of a partition's log can skip events, because none of them fulfils its clauses.
--
-- KEYS  1 blocks     the partition's blocks, a Redis Stream; each covers the entries of the log after the previous
--                    block, up to the entry that has its id: b -> a Bloom filter of the terms of these events
-- ARGV  1 start      the entry of the log at the reader's position
--       2 backwards  '1' or '0'
--       3 clauses    JSON: [[[hash, step], ...], ...]; a block must have one term of each clause
--       4 limit      maximum number of blocks to test
--
-- Answers  '' if the reader cannot skip anything; else the id of an entry: forwards, the last one to skip; backwards,
--          the newest one to read
local call, byte = redis.call, string.byte
local blocks, start, backwards, limit = KEYS[1], ARGV[1], ARGV[2] == '1', tonumber(ARGV[4])
local clauses = cjson.decode(ARGV[3])
local PROBES, STEP = 4, 64

local function has(filter, term)
  local bits = #filter * 8
  if bits == 0 then return false end
  for probe = 0, PROBES - 1 do
    local index = (term[1] + probe * term[2]) % bits
    if bit.band(byte(filter, math.floor(index / 8) + 1), bit.lshift(1, index % 8)) == 0 then return false end
  end
  return true
end

local function may_match(filter)
  for _, clause in ipairs(clauses) do
    local has_term = false
    for _, term in ipairs(clause) do
      if has(filter, term) then
        has_term = true
        break
      end
    end
    if not has_term then return false end
  end
  return true
end

local skipped, tested = '', 0
if not backwards then
  local from = start
  while tested < limit do
    local batch = call('XRANGE', blocks, from, '+', 'COUNT', STEP)
    for _, block in ipairs(batch) do
      if may_match(block[2][2]) then return skipped end
      skipped = block[1]
    end
    if #batch < STEP then return skipped end
    tested = tested + #batch
    from = '(' .. skipped
  end
  return skipped
end

-- The block of the reader's position; entries that no block covers yet must be read.
local current = call('XRANGE', blocks, start, '+', 'COUNT', 1)[1]
if not current or may_match(current[2][2]) then return '' end
local to = '(' .. current[1]
while tested < limit do
  local batch = call('XREVRANGE', blocks, to, '-', 'COUNT', STEP)
  for _, block in ipairs(batch) do
    -- All blocks after this one were tested, and can be skipped.
    skipped = block[1]
    if may_match(block[2][2]) then return skipped end
  end
  if #batch < STEP then return '0-0' end
  tested = tested + #batch
  to = '(' .. skipped
end
return skipped
