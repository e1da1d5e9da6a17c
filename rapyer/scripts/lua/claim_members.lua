-- Take members out of a queue, the first so many that nobody has taken or moved meanwhile.
-- KEYS[1]  the queue
-- ARGV[1]  how many
-- ARGV[2…] member and score, member and score, …
-- returns  the same list, of those that were taken
local left, taken = tonumber(ARGV[1]), {}
for position = 2, #ARGV, 2 do
  if left == 0 then
    break
  end
  local member, score = ARGV[position], redis.call('ZSCORE', KEYS[1], ARGV[position])
  if score and tonumber(score) == tonumber(ARGV[position + 1]) then
    redis.call('ZREM', KEYS[1], member)
    taken[#taken + 1] = member
    taken[#taken + 1] = ARGV[position + 1]
    left = left - 1
  end
end
return taken
