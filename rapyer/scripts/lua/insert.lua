-- KEYS: the documents' keys, then those of what lives beside them.
-- ARGV: "error" or "skip"; how many documents; for each its JSON text and seconds to live or ''; for each key beside
-- one the document's place, how many members it begins with, or -1 to leave it alone, and these.
local number = tonumber(ARGV[2])
local missing = {}
for position = 1, number do
  missing[position] = redis.call('EXISTS', KEYS[position]) == 0
  if not missing[position] and ARGV[1] == 'error' then
    return {'exists', KEYS[position]}
  end
end
local at = 3 + 2 * number
for position = number + 1, #KEYS do
  local key, document, members = KEYS[position], tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local last = at + 1 + math.max(members, 0)
  if missing[document] then
    if members >= 0 then
      redis.call('DEL', key)
    end
    for first = at + 2, last, 5000 do
      redis.call('SADD', key, unpack(ARGV, first, math.min(first + 4999, last)))
    end
    if ARGV[2 + 2 * document] ~= '' then
      redis.call('EXPIRE', key, ARGV[2 + 2 * document])
    end
  end
  at = last + 1
end
local reply = {'stored'}
for position = 1, number do
  if missing[position] then
    redis.call('JSON.SET', KEYS[position], '$', ARGV[1 + 2 * position])
    if ARGV[2 + 2 * position] ~= '' then
      redis.call('EXPIRE', KEYS[position], ARGV[2 + 2 * position])
    end
    reply[#reply + 1] = position - 1
  end
end
return reply
