-- Add to a stored integer. JSON.NUMINCRBY alone wraps round beyond 64 bits, and makes a float of the sum where
-- another program has stored one, which could not be taken back exactly.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  the amount, a 64-bit integer
-- returns  the array text of the new number, as JSON.NUMINCRBY gives it
local number, amount = string.match(reply, '^%[(%-?%d.*)%]$'), ARGV[2]
if number and string.find(number, '[.eE]') then
  return failed('domain: the path holds ' .. number .. ', which is no integer')
end

-- A number as high * 10^10 + low; both parts are exact in Lua's doubles.
local function halves(text)
  local sign, digits = string.match(text, '(%-?)(%d+)')
  local one = sign == '-' and -1 or 1
  return one * (tonumber(string.sub(digits, 1, -11)) or 0), one * tonumber(string.sub(digits, -10))
end

-- Up to 18 digits and signs, neither of the two comes near to the end of the range.
if number and (#number > 18 or #amount > 18) then
  local high, low = halves(number)
  local more_high, more_low = halves(amount)
  high, low = high + more_high, low + more_low
  local carry = math.floor(low / 10000000000)
  high, low = high + carry, low - carry * 10000000000
  local above = high > 922337203 or (high == 922337203 and low > 6854775807)
  local below = high < -922337204 or (high == -922337204 and low < 3145224192)
  if above or below then
    return failed('overflow: the result exceeds 64 bits')
  end
end
return redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], amount)
