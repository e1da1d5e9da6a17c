-- Read a part of a JSON array or object, and how long the whole is.
-- KEYS[1]  the document
-- ARGV[1]  the path
-- ARGV[2]  the position of the first element
-- ARGV[3]  how many elements
-- returns  nil where there is no document; else {the type at the path, or ""; how many elements; …}
--          array: for each element the array text of it
--          object: for each member its name and the array text of its value, "" where no path can name it
local path, first, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- The path of a member. RedisJSON knows no escapes in a path, and skips leading spaces.
local function path_of(member)
  local quote = string.find(member, '"', 1, true) and "'" or '"'
  if string.find(member, '\\', 1, true) or string.find(member, quote, 1, true) or string.sub(member, 1, 1) == ' ' then
    return nil
  end
  return path .. '[' .. quote .. member .. quote .. ']'
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local kind = (redis.call('JSON.TYPE', KEYS[1], path) or {})[1] or ''
if kind == 'array' then
  local total = redis.call('JSON.ARRLEN', KEYS[1], path)[1]
  local found = {kind, total}
  for position = first, math.min(first + count, total) - 1 do
    found[#found + 1] = redis.call('JSON.GET', KEYS[1], string.format('%s[%d]', path, position))
  end
  return found
end
if kind ~= 'object' then
  return {kind, 0}
end
local names = redis.call('JSON.OBJKEYS', KEYS[1], path)[1]
local found = {kind, #names}
for position = first + 1, math.min(first + count, #names) do
  local member = path_of(names[position])
  found[#found + 1] = names[position]
  found[#found + 1] = member and redis.call('JSON.GET', KEYS[1], member) or ''
end
return found
