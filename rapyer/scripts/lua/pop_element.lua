-- Take an element out of a JSON array; JSON.ARRPOP alone takes the last one where there is none so far on.
-- KEYS[1]  the document
-- ARGV[1]  the path of the array
-- ARGV[2]  the position; negative ones count from the end
-- returns  as JSON.ARRPOP: a list with the element's JSON text, with nil where the array is empty
local length = redis.call('JSON.ARRLEN', KEYS[1], ARGV[1])[1]
local index = tonumber(ARGV[2])
if length and length > 0 and (index >= length or index < -length) then
  return redis.error_reply('ERR rapyer index: pop index out of range')
end
return redis.call('JSON.ARRPOP', KEYS[1], ARGV[1], ARGV[2])
