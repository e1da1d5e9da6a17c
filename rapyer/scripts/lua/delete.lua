-- Remove documents, or none of them where a key holds something else.
-- KEYS     the documents
-- returns  how many there were
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'ReJSON-RL' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE rapyer key: ' .. key)
  end
end
local removed = 0
-- A Lua function takes some thousands of arguments, not any number.
for first = 1, #KEYS, 5000 do
  removed = removed + redis.call('DEL', unpack(KEYS, first, math.min(first + 4999, #KEYS)))
end
return removed
