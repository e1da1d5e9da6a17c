-- Pack a document with what lives beside it, to be stored in another slot.
-- KEYS     the document, then the keys beside it
-- returns  for each key what DUMP gives and the milliseconds to live, 0 for no end, or false where it is missing;
--          nothing if there is no document
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
redis.call('JSON.TYPE', KEYS[1], '$') -- fails here where it is no document
local reply = {}
for position, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if position > 1 and kind ~= 'set' and kind ~= 'zset' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind)
  end
  local payload = redis.call('DUMP', key)
  reply[position] = payload and {payload, math.max(redis.call('PTTL', key), 0)}
end
return reply
