-- Remove documents with what lives beside them, or none where the key of a document holds something else.
-- KEYS     the documents, then the keys beside them
-- ARGV[1]  the number of documents
-- returns  how many documents there were, and how many other keys
local number = tonumber(ARGV[1])
for position = 1, number do
  local kind = redis.call('TYPE', KEYS[position]).ok
  if kind ~= 'ReJSON-RL' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE rapyer key: ' .. KEYS[position])
  end
end

-- A Lua function takes some thousands of arguments, not any number.
local function removed(from, to)
  local count = 0
  for first = from, to, 5000 do
    count = count + redis.call('DEL', unpack(KEYS, first, math.min(first + 4999, to)))
  end
  return count
end
return {removed(1, number), removed(number + 1, #KEYS)}
