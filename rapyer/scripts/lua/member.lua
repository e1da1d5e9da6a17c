-- Read, take out, delete or set one member of a JSON object, whatever its name.
-- KEYS[1]  the document
-- ARGV[1]  the path of the object
-- ARGV[2]  "get", "pop", "first" (to pop the first), "delete", "set", or "missing" (to set it if it is missing)
-- ARGV[3]  the member's name
-- ARGV[4]  the name as JSON text, for "delete", "set" and "missing"
-- ARGV[5]  the JSON to write, for "set" and "missing"
-- returns  get, set, missing: the array text of the member's value then, "[]" for none, nil for no such object
--          pop, first: {name, the array text of its value}, or {} for none; delete: how many went
local action, name = ARGV[2], ARGV[3]
local writes = action == 'set' or action == 'missing'

-- The path of a member. RedisJSON knows no escapes in a path that it writes to, and skips leading spaces.
local function path_of(member)
  local quote = string.find(member, '"', 1, true) and "'" or '"'
  if string.find(member, '\\', 1, true) or string.find(member, quote, 1, true) or string.sub(member, 1, 1) == ' ' then
    return nil
  end
  return ARGV[1] .. '[' .. quote .. member .. quote .. ']'
end

-- The text of the value of the member at a position in an object's text, found without decoding anything.
local function value_at(object, position)
  local depth, at, first, count = 0, 2, 2, 1
  while true do
    local found = string.find(object, '["{}%[%],]', at)
    local char = string.sub(object, found, found)
    at = found + 1
    if char == '"' then
      repeat
        found = string.find(object, '["\\]', at)
        char = string.sub(object, found, found)
        at = found + (char == '"' and 1 or 2)
      until char == '"'
      if depth == 0 and first and count == position and string.sub(object, at, at) == ':' then
        first = at + 1
      end
    elseif char == '{' or char == '[' then
      depth = depth + 1
    elseif depth > 0 and char ~= ',' then
      depth = depth - 1
    elseif depth == 0 then
      if count == position then
        return string.sub(object, first, found - 1)
      end
      count, first = count + 1, at
    end
  end
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  if writes then
    return redis.error_reply("ERR could not perform this operation on a key that doesn't exist")
  end
  return action ~= 'get' and (action == 'delete' and 0 or {})
end
local names = redis.call('JSON.OBJKEYS', KEYS[1], ARGV[1])[1]
if type(names) ~= 'table' then
  return not writes and action ~= 'get' and (action == 'delete' and 0 or {})
end
if action == 'first' then
  name = names[1] or ''
end
local position, value
for i = 1, #names do
  if names[i] == name then
    position = i
    break
  end
end
local path = path_of(name)
if position and path then
  value = redis.call('JSON.GET', KEYS[1], path)
elseif position then
  value = '[' .. value_at(string.sub(redis.call('JSON.GET', KEYS[1], ARGV[1]), 2, -2), position) .. ']'
end
if action == 'get' or (action == 'missing' and position) then
  return value or '[]'
end
if path and writes then
  redis.call('JSON.SET', KEYS[1], path, ARGV[5])
  return '[' .. ARGV[5] .. ']'
end
if position then
  if path then
    redis.call('JSON.DEL', KEYS[1], path)
  else
    redis.call('JSON.MERGE', KEYS[1], ARGV[1], '{' .. cjson.encode(name) .. ':null}')
  end
end
if not writes then
  if action == 'delete' then
    return position and 1 or 0
  end
  return position and {name, value} or {}
end
-- Put into the text, for a merge would take nulls out of the value and mix objects.
local members = string.sub(redis.call('JSON.GET', KEYS[1], ARGV[1]), 3, -3)
local comma = members == '' and '' or ','
redis.call('JSON.SET', KEYS[1], ARGV[1], '{' .. members .. comma .. ARGV[4] .. ':' .. ARGV[5] .. '}')
return '[' .. ARGV[5] .. ']'
