-- Repeat a stored string.
-- KEYS[1]  the document
-- ARGV[1]  the path
-- ARGV[2]  how many times
-- returns  1, or nil where there is no such path
local reply = redis.call('JSON.GET', KEYS[1], ARGV[1])
if not reply then
  return redis.error_reply("ERR could not perform this operation on a key that doesn't exist")
elseif reply == '[]' then
  return false
end
-- The JSON text between the quotes is repeated as it is, escapes and all.
local inside = string.match(reply, '^%["(.*)"%]$')
if not inside then
  return redis.error_reply('ERR rapyer domain: the path holds no text')
end
redis.call('JSON.SET', KEYS[1], ARGV[1], '"' .. string.rep(inside, tonumber(ARGV[2])) .. '"')
return 1
