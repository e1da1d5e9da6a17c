-- Read a document with what lives beside it, as it is at one moment.
-- KEYS     the document, then the keys beside it
-- returns  the server's time in milliseconds, and for each key its type, what it holds, the milliseconds that it has
--          left (-1 for no end), and the digest by which `put_back` knows whether it has changed
local time = redis.call('TIME')
local reply = {tostring(time[1] * 1000 + math.floor(time[2] / 1000))}
for position, key in ipairs(KEYS) do
  local kind, content = content_of(key)
  reply[position + 1] = {kind, content, redis.call('PTTL', key), digest_of(kind, content)}
end
return reply
