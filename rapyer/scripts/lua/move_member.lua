-- Give a member of a sorted set another score, only if it still has the one that the caller saw.
-- KEYS[1]  the sorted set
-- ARGV[1]  the member
-- ARGV[2]  the score that was seen
-- ARGV[3]  the new one
-- returns  1, or 0 where it is not there with that score
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
