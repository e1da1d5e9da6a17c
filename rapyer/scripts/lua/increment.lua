-- Add to a stored integer, and refuse a sum beyond 64 bits: JSON.NUMINCRBY alone wraps round.
-- KEYS[1]  the document
-- ARGV[1]  the path
-- ARGV[2]  the amount, a 64-bit integer
-- returns  the array text of the new number, as JSON.NUMINCRBY gives it
local new = redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], ARGV[2])
-- A sum that wrapped is at least 2^62 away from zero, unless the amount is as large itself.
if #new < 20 and #ARGV[2] < 19 and not string.find(new, '[.eE]') then
  return new
end
-- A number as high * 10^10 + low; both parts are exact in Lua's doubles.
local function halves(text)
  local sign, digits = string.match(text, '(%-?)(%d+)')
  local one = sign == '-' and -1 or 1
  return one * (tonumber(string.sub(digits, 1, -11)) or 0), one * tonumber(string.sub(digits, -10))
end
local whole, fraction = string.match(new, '^%[(%-?%d+)(%.?0?)%]$')
local high, low = halves(ARGV[2])
local problem = 'domain: the result is no integer'
if whole and (fraction == '' or (fraction == '.0' and #whole < 16)) then
  local new_high, new_low = halves(whole)
  high, low = new_high - high, new_low - low
  local carry = math.floor(low / 10000000000)
  high, low = high + carry, low - carry * 10000000000
  -- What was there before, if nothing wrapped; it did where that is no 64-bit integer.
  local above = high > 922337203 or (high == 922337203 and low > 6854775807)
  local below = high < -922337204 or (high == -922337204 and low < 3145224192)
  if not (above or below) then
    return new
  end
  problem = 'overflow: the result exceeds 64 bits'
end
if ARGV[2] == '-9223372036854775808' then
  redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], '4611686018427387904')
  redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], '4611686018427387904')
else
  local negative = string.sub(ARGV[2], 1, 1) == '-'
  redis.call('JSON.NUMINCRBY', KEYS[1], ARGV[1], negative and string.sub(ARGV[2], 2) or '-' .. ARGV[2])
end
return redis.error_reply('ERR rapyer ' .. problem)
