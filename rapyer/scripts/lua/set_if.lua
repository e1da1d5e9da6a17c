-- Write a JSON value only if the text at its place is still the one that the caller saw.
-- KEYS[1]  the document
-- ARGV[1]  the path
-- ARGV[2]  the text that JSON.GET gave for that path
-- ARGV[3]  the JSON to write
-- returns  {"written"} | {"changed", the text there now} | {"gone"}
local current = redis.call('JSON.GET', KEYS[1], ARGV[1])
if not current then
  return {'gone'}
end
if current ~= ARGV[2] then
  return {'changed', current}
end
redis.call('JSON.SET', KEYS[1], ARGV[1], ARGV[3])
return {'written'}
