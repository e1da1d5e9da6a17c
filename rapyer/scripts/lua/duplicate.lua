-- KEYS: the source, then the copies. ARGV: seconds to live or '', the number of changes that all copies get,
-- these as path and value, the path that each copy gets a value of its own for or '', and those values.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'missing'}
end
for copy = 2, #KEYS do
  if redis.call('EXISTS', KEYS[copy]) == 1 then
    return {'exists', KEYS[copy]}
  end
end
redis.call('JSON.TYPE', KEYS[1], '$') -- fails here, before anything is written, where it is no document
local changes = tonumber(ARGV[2])
local own = 3 + 2 * changes
local reply = {'copied'}
for copy = 2, #KEYS do
  redis.call('COPY', KEYS[1], KEYS[copy])
  for change = 0, changes - 1 do
    redis.call('JSON.SET', KEYS[copy], ARGV[3 + 2 * change], ARGV[4 + 2 * change])
  end
  if ARGV[own] ~= '' then
    redis.call('JSON.SET', KEYS[copy], ARGV[own], ARGV[own + copy - 1])
  end
  if ARGV[1] ~= '' then
    redis.call('EXPIRE', KEYS[copy], ARGV[1])
  end
  reply[copy] = redis.call('JSON.GET', KEYS[copy])
end
return reply
