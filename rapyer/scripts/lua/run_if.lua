-- Run commands on a document only if parts of it are still what the caller saw.
-- KEYS[1]  the document
-- ARGV[1]  how many parts
-- ARGV[2…] for each its path and the text that JSON.GET gave for it; then the path of what the reply tells, or "";
--          then the commands, each as the number of its words without the key, its name, and the other words
-- returns  {"written", the text at that path now, the last command's reply} | {"changed", the text of the first
--          part that is another now} | {"gone"}
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'gone'}
end
local at = 2
for _ = 1, tonumber(ARGV[1]) do
  local current = redis.call('JSON.GET', KEYS[1], ARGV[at])
  if current ~= ARGV[at + 1] then
    return {'changed', current}
  end
  at = at + 2
end
local told, reply = ARGV[at], ''
at = at + 1
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  reply = redis.call(ARGV[at + 1], KEYS[1], unpack(ARGV, at + 2, at + count))
  at = at + count + 1
end
return {'written', told ~= '' and redis.call('JSON.GET', KEYS[1], told) or '', reply}
