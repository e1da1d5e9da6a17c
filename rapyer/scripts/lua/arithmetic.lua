-- Compute with a stored number: *, /, //, % or ** with Python's rules.
-- KEYS[1]  the document
-- ARGV[1]  the path
-- ARGV[2]  the operator
-- ARGV[3]  the operand
-- ARGV[4]  "int" or "float": what the field holds
-- returns  the new number as text
-- Lua computes with doubles, so an int result, or an int on the way to it, beyond 2^53 is refused.
local reply = redis.call('JSON.GET', KEYS[1], ARGV[1])
if not reply then
  return redis.error_reply("ERR could not perform this operation on a key that doesn't exist")
end
local text = string.match(reply, '^%[(.*)%]$')
local value = tonumber(text)
if not value then
  return redis.error_reply('ERR rapyer: the path holds no number')
end
local op, operand, result = ARGV[2], tonumber(ARGV[3]), nil
if op == '*' then
  result = value * operand
elseif op == '**' then
  result = value ^ operand
elseif operand == 0 then
  return redis.error_reply('ERR rapyer: division by zero')
elseif op == '/' then
  result = value / operand
elseif op == '//' then
  result = math.floor(value / operand)
else
  result = value - operand * math.floor(value / operand)
end
local exact = 9007199254740992
if ARGV[4] == 'int' then
  if math.abs(value) > exact or math.abs(operand) > exact or not (math.abs(result) <= exact) then
    return redis.error_reply('ERR rapyer: the result is not exact beyond 2^53')
  end
  if result ~= math.floor(result) then
    return redis.error_reply('ERR rapyer: the result is no integer')
  end
elseif result ~= result or result == math.huge or result == -math.huge then
  return redis.error_reply('ERR rapyer: the result is no finite number')
end
local written = string.format(ARGV[4] == 'int' and '%.0f' or '%.17g', result)
redis.call('JSON.SET', KEYS[1], ARGV[1], written)
return written
