-- Bring the members of a set, which stand in its model's document, to the key of the field.
-- KEYS[1]  the key of the field
-- KEYS[2]  the document
-- ARGV[1]  the path of the array
-- returns  how many there were; 0 where there is no such array, as somebody else has done it
local stored = redis.call('JSON.GET', KEYS[2], ARGV[1])
local array = stored and cjson.decode(stored)[1]
if type(array) ~= 'table' then
  return 0
end
for _, member in ipairs(array) do
  redis.call('SADD', KEYS[1], member)
end
redis.call('JSON.DEL', KEYS[2], ARGV[1])
end_with(KEYS[1], KEYS[2])
return #array
