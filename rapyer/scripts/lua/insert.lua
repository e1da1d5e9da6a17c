-- Store many documents, or none of them if a key stands in the way.
-- KEYS     the documents' keys
-- ARGV[1]  what to do where something is stored under a key already: "replace" (only a JSON document), "error"
--          or "skip"
-- ARGV[2…] for each key its JSON text, and its seconds to live or ""
-- returns  {"stored", the positions of the keys that were written} | {"exists", the key that is taken}
local LONGEST = 6000 -- words of one command, for what unpack() can put on Lua's stack

local written = {}
for position, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' or (kind == 'ReJSON-RL' and ARGV[1] == 'replace') then
    written[#written + 1] = position
  elseif ARGV[1] == 'replace' then
    return redis.error_reply('WRONGTYPE rapyer key: ' .. key)
  elseif ARGV[1] == 'error' then
    return {'exists', key}
  end
end
local words = {'JSON.MSET'}
for number, position in ipairs(written) do
  words[#words + 1] = KEYS[position]
  words[#words + 1] = '$'
  words[#words + 1] = ARGV[2 * position]
  if #words > LONGEST or number == #written then
    redis.call(unpack(words))
    words = {'JSON.MSET'}
  end
end
local reply = {'stored'}
for _, position in ipairs(written) do
  if ARGV[2 * position + 1] ~= '' then
    redis.call('EXPIRE', KEYS[position], ARGV[2 * position + 1])
  end
  reply[#reply + 1] = position - 1
end
return reply
