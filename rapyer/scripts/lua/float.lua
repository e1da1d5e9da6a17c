-- Compute with a stored float: *, /, //, % or ** exactly as Python does.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  the operator
-- ARGV[3]  the operand; not zero for a division
-- ARGV[4]  the caller's value, and
-- ARGV[5]  what Python made of it: the result if the stored value is the same
-- returns  the new number as text
local value = tonumber(string.match(reply, '^%[(.*)%]$'))
if not value then
  return failed('domain: the path holds no number')
end
local op, operand, result = ARGV[2], tonumber(ARGV[3]), nil
local MINUS_ZERO = -1 / math.huge -- as a constant, it would be taken for the other zero
if string.format('%.17g', value) == string.format('%.17g', tonumber(ARGV[4])) then
  -- Python's own result, for pow() may differ in the last digit from one C library to another.
  result = tonumber(ARGV[5])
elseif op == '*' then
  result = value * operand
elseif op == '/' then
  result = value / operand
elseif op == '**' then
  if value == 0 and operand < 0 then
    return failed('domain: zero cannot be raised to a negative power')
  end
  result = value ^ operand
else
  -- As CPython: the remainder is exact, and the quotient is made from it.
  local rest = math.fmod(value, operand)
  local quotient = (value - rest) / operand
  if rest == 0 then
    rest = operand < 0 and MINUS_ZERO or 0
  elseif (operand < 0) ~= (rest < 0) then
    rest, quotient = rest + operand, quotient - 1
  end
  if op == '%' then
    result = rest
  elseif quotient == 0 then
    result = string.sub(string.format('%g', value / operand), 1, 1) == '-' and MINUS_ZERO or 0
  else
    result = math.floor(quotient)
    if quotient - result > 0.5 then
      result = result + 1
    end
  end
end
if result ~= result then
  return failed('domain: the result is no real number')
elseif result == math.huge or result == -math.huge then
  return failed('overflow: the result exceeds the range of a float')
end
-- The fewest digits that mean this number: RedisJSON's parser may round longer ones wrongly.
local out
for digits = 15, 17 do
  out = string.format('%.' .. digits .. 'g', result)
  if tonumber(out) == result then
    break
  end
end
if string.find(out, '^%-?%d+$') then
  out = out .. '.0'
end
redis.call('JSON.SET', KEYS[1], ARGV[1], out)
return out
