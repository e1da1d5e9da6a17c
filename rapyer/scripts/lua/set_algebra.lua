-- Combine sets of which some are JSON arrays of strings.
-- KEYS     the sets, or the documents that hold them
-- ARGV[1]  union, intersection, difference, or symmetric: what is in an odd number of them
-- ARGV[2…] for each the path of its array; "" for a set with a key of its own
-- returns  the members
local function members_of(position)
  local path = ARGV[position + 1]
  if path == '' then
    return redis.call('SMEMBERS', KEYS[position])
  end
  local stored = redis.call('JSON.GET', KEYS[position], path)
  local array = stored and cjson.decode(stored)[1]
  return type(array) == 'table' and array or {}
end

local counts, order, first = {}, {}, {}
for position = 1, #KEYS do
  local once = {}
  for _, member in ipairs(members_of(position)) do
    if type(member) == 'string' and not once[member] then
      once[member] = true
      if not counts[member] then
        order[#order + 1] = member
        first[member] = position
      end
      counts[member] = (counts[member] or 0) + 1
    end
  end
end
local holds = {
  union = function() return true end,
  intersection = function(member) return counts[member] == #KEYS end,
  difference = function(member) return first[member] == 1 and counts[member] == 1 end,
  symmetric = function(member) return counts[member] % 2 == 1 end,
}
local result = {}
for _, member in ipairs(order) do
  if holds[ARGV[1]](member) then
    result[#result + 1] = member
  end
end
return result
