-- Add to a stored number, unless that would lead beyond a bound. What is beyond one already may come back.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  the amount
-- ARGV[3]  the bound in that direction
-- ARGV[4]  "open" where the bound itself is out of bounds, too
-- returns  the array text of the new number, as JSON.NUMINCRBY gives it
local text, amount, bound = string.match(reply, '^%[(%-?%d.*)%]$'), tonumber(ARGV[2]), tonumber(ARGV[3])
if not text then
  return failed('domain: the path holds no number')
elseif string.find(text, '[.eE]') and not string.find(ARGV[2], '[.eE]') then
  return failed('domain: the path holds ' .. text .. ', which is no integer')
end
local sum = tonumber(text) + amount
local beyond = amount > 0 and sum > bound or amount < 0 and sum < bound
if beyond or (sum == bound and ARGV[4] == 'open') then
  return failed('overflow: the result would be beyond ' .. ARGV[3])
end
return redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], ARGV[2])
