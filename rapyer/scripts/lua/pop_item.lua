-- Take a member out of a JSON object: the named one, or the first.
-- KEYS[1]  the document
-- ARGV[1]  the path of the object
-- ARGV[2]  the path of the member, or "" for the first member
-- returns  {name, the array text of its value}, or {} where there is none
local name, path = '', ARGV[2]
if path == '' then
  local names = redis.call('JSON.OBJKEYS', KEYS[1], ARGV[1])
  if type(names) ~= 'table' or type(names[1]) ~= 'table' or not names[1][1] then
    return {}
  end
  name = names[1][1]
  if string.find(name, '\\', 1, true) or (string.find(name, '"', 1, true) and string.find(name, "'", 1, true)) then
    return redis.error_reply('ERR rapyer: no path can name the member ' .. name)
  end
  local quote = string.find(name, '"', 1, true) and "'" or '"'
  path = ARGV[1] .. '[' .. quote .. name .. quote .. ']'
end
local value = redis.call('JSON.GET', KEYS[1], path)
if not value or value == '[]' then
  return {}
end
redis.call('JSON.DEL', KEYS[1], path)
return {name, value}
