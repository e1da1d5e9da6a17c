-- Look at a key without reading it.
-- KEYS     the key
-- returns  its type, the milliseconds that it has left (-1 for no end, -2 for no key), and the bytes that it takes;
--          false for those where the server does not tell
local size = redis.pcall('MEMORY', 'USAGE', KEYS[1])
if type(size) ~= 'number' then size = false end
return {redis.call('TYPE', KEYS[1]).ok, redis.call('PTTL', KEYS[1]), size}
