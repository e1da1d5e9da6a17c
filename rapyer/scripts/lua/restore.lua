-- Store copies of a document that lives in another slot, or none of them if a key is taken.
-- KEYS     the copies
-- ARGV     what DUMP gave of the document, its milliseconds to live or 0, seconds to live of the copies or '',
--          the number of changes that all copies get, these as path and value, the path that each copy gets a
--          value of its own for or '', and those values
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    return {'exists', key}
  end
end
local changes = tonumber(ARGV[4])
local own = 5 + 2 * changes
local reply = {'copied'}
for copy, key in ipairs(KEYS) do
  redis.call('RESTORE', key, ARGV[2], ARGV[1])
  for change = 0, changes - 1 do
    redis.call('JSON.SET', key, ARGV[5 + 2 * change], ARGV[6 + 2 * change])
  end
  if ARGV[own] ~= '' then
    redis.call('JSON.SET', key, ARGV[own], ARGV[own + copy])
  end
  if ARGV[3] ~= '' then
    redis.call('EXPIRE', key, ARGV[3])
  end
  reply[copy + 1] = redis.call('JSON.GET', key)
end
return reply
