-- Repeat a stored string.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  how many times
-- returns  1
-- The JSON text between the quotes is repeated as it is, escapes and all.
local inside = string.match(reply, '^%["(.*)"%]$')
if not inside then
  return failed('domain: the path holds no text')
end
redis.call('JSON.SET', KEYS[1], ARGV[1], '"' .. string.rep(inside, tonumber(ARGV[2])) .. '"')
return 1
