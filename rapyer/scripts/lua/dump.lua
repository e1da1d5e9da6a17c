-- KEYS[1]: a document. Returns what DUMP gives and the milliseconds to live, 0 for no end; nothing if it is missing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
redis.call('JSON.TYPE', KEYS[1], '$') -- fails here where it is no document
return {redis.call('DUMP', KEYS[1]), math.max(redis.call('PTTL', KEYS[1]), 0)}
