-- Look at a queue from its highest priority down, at those of one priority in the order of their arrival.
-- KEYS[1]  the queue
-- ARGV[1]  how many to pass over
-- ARGV[2]  how many to give, 0 for all
-- ARGV[3]  'take' to take these out, or ''
-- returns  member and score, member and score, …
local skip, left = tonumber(ARGV[1]), tonumber(ARGV[2])
if left == 0 then
  left = math.huge
end
local last, found = redis.call('ZCARD', KEYS[1]) - 1, {}
while last >= 0 and left > 0 do
  local top = redis.call('ZRANGE', KEYS[1], last, last, 'WITHSCORES')
  local priority = string.format('%.17g', math.floor(tonumber(top[2])))
  local low = redis.call('ZRANGE', KEYS[1], priority, '+inf', 'BYSCORE', 'LIMIT', 0, 1)
  local first = redis.call('ZRANK', KEYS[1], low[1])
  local here = last - first + 1
  if skip < here then
    local number = math.min(left, here - skip)
    local page = redis.call('ZRANGE', KEYS[1], first + skip, first + skip + number - 1, 'WITHSCORES')
    for at = 1, #page do
      found[#found + 1] = page[at]
    end
    left = left - number
  end
  skip = math.max(skip - here, 0)
  last = first - 1
end
if ARGV[3] == 'take' then
  for at = 1, #found, 2 do
    redis.call('ZREM', KEYS[1], found[at])
  end
end
return found
