-- KEYS: the documents' keys. ARGV: "error" or "skip", then for each key its JSON text and seconds to live or ''.
local missing = {}
for position, key in ipairs(KEYS) do
  missing[position] = redis.call('EXISTS', key) == 0
  if not missing[position] and ARGV[1] == 'error' then
    return {'exists', key}
  end
end
local reply = {'stored'}
for position, key in ipairs(KEYS) do
  if missing[position] then
    redis.call('JSON.SET', key, '$', ARGV[2 * position])
    if ARGV[2 * position + 1] ~= '' then
      redis.call('EXPIRE', key, ARGV[2 * position + 1])
    end
    reply[#reply + 1] = position - 1
  end
end
return reply
