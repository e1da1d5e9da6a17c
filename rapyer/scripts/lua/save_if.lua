-- Write to a document only if it is still the one that the caller saw.
-- KEYS[1]  the document
-- ARGV[1]  the text that JSON.GET gave for it
-- ARGV[2]  seconds to live, or ""
-- ARGV[3…] what to write, each as a path and its JSON text; "" for the text removes what is there
-- returns  {"written"} | {"changed", the text there now} | {"gone"}
local current = redis.call('JSON.GET', KEYS[1], '.')
if not current then
  return {'gone'}
end
if current ~= ARGV[1] then
  return {'changed', current}
end
for position = 3, #ARGV, 2 do
  if ARGV[position + 1] == '' then
    redis.call('JSON.DEL', KEYS[1], ARGV[position])
  else
    redis.call('JSON.SET', KEYS[1], ARGV[position], ARGV[position + 1])
  end
end
if ARGV[2] ~= '' then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return {'written'}
