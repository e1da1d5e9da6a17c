-- Take the first element that equals a value out of a JSON array.
-- KEYS[1]  the document
-- ARGV[1]  the path of the array
-- ARGV[2]  the value's JSON text
-- returns  the position that it had, -1 where no element equals it, or nil where there is no such array
local index = redis.call('JSON.ARRINDEX', KEYS[1], ARGV[1], ARGV[2])[1]
if index and index >= 0 then
  redis.call('JSON.ARRPOP', KEYS[1], ARGV[1], index)
end
return index
