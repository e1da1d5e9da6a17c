-- Compute with a stored integer: *, //, % or ** exactly as Python does, over all 64 bits.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  the operator
-- ARGV[3]  the operand, a 64-bit integer
-- returns  the new number as text
-- Lua's numbers are doubles, so magnitudes are lists of seven digits each, the lowest first.
local BASE = 10000000
local function magnitude(digits)
  local limbs = {}
  for last = #digits, 1, -7 do
    limbs[#limbs + 1] = tonumber(string.sub(digits, math.max(1, last - 6), last))
  end
  return limbs
end
local function text(limbs)
  local parts = {}
  for i = #limbs, 1, -1 do
    parts[#parts + 1] = string.format('%07d', limbs[i])
  end
  local digits = string.gsub(table.concat(parts), '^0+', '')
  return digits == '' and '0' or digits
end
local function trimmed(limbs)
  while #limbs > 1 and limbs[#limbs] == 0 do
    limbs[#limbs] = nil
  end
  return limbs
end
local function less(a, b)
  if #a ~= #b then
    return #a < #b
  end
  for i = #a, 1, -1 do
    if a[i] ~= b[i] then
      return a[i] < b[i]
    end
  end
  return false
end
local function product(a, b, more)
  local out = {}
  for i = 1, #a + #b do
    out[i] = 0
  end
  out[1] = more or 0
  for i = 1, #a do
    local carry = 0
    for j = 1, #b do
      local sum = out[i + j - 1] + a[i] * b[j] + carry
      carry = math.floor(sum / BASE)
      out[i + j - 1] = sum - carry * BASE
    end
    out[i + #b] = out[i + #b] + carry
  end
  return trimmed(out)
end
local function difference(a, b)
  local out, borrow = {}, 0
  for i = 1, #a do
    local rest = a[i] - (b[i] or 0) - borrow
    borrow = rest < 0 and 1 or 0
    out[i] = rest + borrow * BASE
  end
  return trimmed(out)
end
-- Quotient and remainder of magnitudes, digit by digit.
local function divided(a, b)
  local rest, quotient = {0}, {}
  for digit in string.gmatch(text(a), '%d') do
    rest = product(rest, {10}, tonumber(digit))
    local times = 0
    while not less(rest, b) do
      rest, times = difference(rest, b), times + 1
    end
    quotient[#quotient + 1] = times
  end
  return magnitude(table.concat(quotient)), rest
end

local sign, digits = string.match(reply, '^%[(%-?)(%d+)%]$')
if not digits then
  return failed('domain: the path holds ' .. string.sub(reply, 2, -2) .. ', which is no integer')
end
local minus, given = string.match(ARGV[3], '^(%-?)(%d+)$')
local value, operand, operator = magnitude(digits), magnitude(given), ARGV[2]
local negative, result = sign ~= minus, nil
if operator == '*' then
  result = product(value, operand)
elseif operator == '**' then
  local odd, exponent = operand[1] % 2 == 1, tonumber(given)
  negative = sign == '-' and odd
  if #value == 1 and value[1] <= 1 and (minus == '' or value[1] == 1) then
    result = given == '0' and {1} or value
  elseif minus == '-' then
    return failed('domain: the result is no integer')
  elseif exponent > 63 then
    return failed('overflow: the result exceeds 64 bits')
  else
    result = {1}
    for _ = 1, exponent do
      result = product(result, value)
      if #result > 3 then
        break
      end
    end
  end
else
  local quotient, rest = divided(value, operand)
  local exact = rest[1] == 0 and #rest == 1
  if operator == '//' then
    result = (negative and not exact) and product(quotient, {1}, 1) or quotient
  else
    result = (negative and not exact) and difference(operand, rest) or rest
    negative = minus == '-'
  end
end
local out = text(trimmed(result))
local limit = negative and '9223372036854775808' or '9223372036854775807'
if #out > 19 or (#out == 19 and out > limit) then
  return failed('overflow: the result exceeds 64 bits')
end
if negative and out ~= '0' then
  out = '-' .. out
end
redis.call('JSON.SET', KEYS[1], ARGV[1], out)
return out
