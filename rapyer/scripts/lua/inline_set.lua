-- A set that is a JSON array of strings.
-- KEYS[1]  the document
-- ARGV[1]  the path of the array
-- ARGV[2]  add, remove, keep (remove all others), toggle (remove what is there, add the rest), contains, pop
-- ARGV[3…] members; for pop how many
-- returns  how many came (add, toggle) or went (remove, keep); flags (contains); JSON texts (pop); nil where
--          there is no such array
local key, path, operation = KEYS[1], ARGV[1], ARGV[2]
local stored = redis.call('JSON.GET', key, path)
local array = stored and cjson.decode(stored)[1]
if type(array) ~= 'table' then
  return false
end

if operation == 'pop' then
  local popped = {}
  for _ = 1, math.min(tonumber(ARGV[3]), #array) do
    popped[#popped + 1] = redis.call('JSON.ARRPOP', key, path)[1]
  end
  return popped
end

local there, given, flags = {}, {}, {}
for _, member in ipairs(array) do
  there[member] = true
end
for position = 3, #ARGV do
  given[ARGV[position]] = true
  flags[#flags + 1] = there[ARGV[position]] and 1 or 0
end
if operation == 'contains' then
  return flags
end

local changed, counts_new = 0, operation == 'add' or operation == 'toggle'
if operation ~= 'add' then
  for index = #array, 1, -1 do
    local listed = given[array[index]] or false
    if listed == (operation ~= 'keep') then
      redis.call('JSON.ARRPOP', key, path, index - 1)
      changed = changed + (counts_new and 0 or 1)
    end
  end
end
if counts_new then
  for position = 3, #ARGV do
    local member = ARGV[position]
    if not there[member] then
      there[member] = true
      redis.call('JSON.ARRAPPEND', key, path, cjson.encode(member))
      changed = changed + 1
    end
  end
end
return changed
