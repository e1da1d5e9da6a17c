-- Remove a document and the keys beside it.
-- KEYS[1]  the document
-- KEYS[2…] the other keys
-- returns  how many there were; an error, before anything is removed, where the first is no document
local gone = redis.call('JSON.DEL', KEYS[1], '$')
for first = 2, #KEYS, 5000 do
  gone = gone + redis.call('DEL', unpack(KEYS, first, math.min(first + 4999, #KEYS)))
end
return gone
