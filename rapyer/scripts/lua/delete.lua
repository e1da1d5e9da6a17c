-- Remove documents with what lives beside them, or none where the key of a document holds something else.
-- KEYS     the documents, group by group, then the keys beside them
-- ARGV     the number of documents of each group
-- returns  how many documents of each group there were, and how many other keys
local number = 0
for _, size in ipairs(ARGV) do
  number = number + tonumber(size)
end
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

local counts, done = {}, 0
for group, size in ipairs(ARGV) do
  counts[group] = removed(done + 1, done + tonumber(size))
  done = done + tonumber(size)
end
counts[#counts + 1] = removed(number + 1, #KEYS)
return counts
