-- Put elements into a JSON array in place of a range of it, which may be empty; bounds as in Python's slices.
-- KEYS[1]  the document
-- ARGV[1]  the path of the array
-- ARGV[2]  where the range starts
-- ARGV[3]  where it stops, or "" for where it starts
-- ARGV[4…] the JSON texts of the elements
-- returns  the array's new length, or nil where there is no such array
local path = ARGV[1]
local length = redis.call('JSON.ARRLEN', KEYS[1], path)[1]
if not length then
  return false
end
local function clamped(index)
  return index < 0 and math.max(0, index + length) or math.min(index, length)
end
local start = clamped(tonumber(ARGV[2]))
local stop = ARGV[3] == '' and start or math.max(start, clamped(tonumber(ARGV[3])))
-- RedisJSON 2.8 takes position 10 for a part of position 1, and so leaves it where both are to go: the positions
-- of one range have equally many digits.
local rest = stop
while rest > start do
  local first = math.max(start, rest > 10 and 10 ^ (#tostring(rest - 1) - 1) or 0)
  redis.call('JSON.DEL', KEYS[1], string.format('%s[%d:%d]', path, first, rest))
  rest = first
end
-- Lua passes no more than some thousand arguments at a time.
for first = 4, #ARGV, 1000 do
  local last = math.min(first + 999, #ARGV)
  redis.call('JSON.ARRINSERT', KEYS[1], path, start + first - 4, unpack(ARGV, first, last))
end
return length - stop + start + #ARGV - 3
