-- Store many documents with what lives beside them, or none of them if a key stands in the way.
-- KEYS     the documents' keys, then those beside them, in the order of the documents
-- ARGV[1]  what to do where something is stored under a key already: "replace" (only a JSON document), "error"
--          or "skip"
-- ARGV[2]  the number of documents
-- ARGV[3…] for each run of documents that are alike how many they are, their seconds to live or "", "anew" or "" to
--          let what has an end keep it, and the number of keys beside each; then for each of them its JSON text, and
--          for each key beside it the number of members that it begins with, or -1 to leave it alone, and these
-- returns  {"stored", the positions of the keys that were written} | {"exists", the key that is taken}
local LONGEST = 6000 -- words of one command, for what unpack() can put on Lua's stack
local number = tonumber(ARGV[2])

local written = {}
for position = 1, number do
  local key = KEYS[position]
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' or (kind == 'ReJSON-RL' and ARGV[1] == 'replace') then
    written[position] = true
  elseif ARGV[1] == 'replace' then
    return redis.error_reply('WRONGTYPE rapyer key: ' .. key)
  elseif ARGV[1] == 'error' then
    return {'exists', key}
  end
end

local function expire(key, seconds, anew)
  if seconds ~= '' and (anew ~= '' or redis.call('TTL', key) == -1) then
    redis.call('EXPIRE', key, seconds)
  end
end

-- What lives beside a document ends with it.
local function expire_beside(key, main)
  local left = redis.call('PTTL', main)
  if left > 0 then
    redis.call('PEXPIRE', key, left)
  end
end

local words = {'JSON.MSET'}
local function flush(most)
  if #words > most then
    redis.call(unpack(words))
    words = {'JSON.MSET'}
  end
end

local ends = {}
local reply, at, beside = {'stored'}, 3, number
local left, seconds, anew, count = 0, nil, nil, nil
for position = 1, number do
  if left == 0 then
    left, seconds, anew, count = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
    at = at + 4
  end
  left = left - 1
  local key, write = KEYS[position], written[position]
  if write then
    words[#words + 1] = key
    words[#words + 1] = '$'
    words[#words + 1] = ARGV[at]
    flush(LONGEST)
    reply[#reply + 1] = position - 1
    if seconds ~= '' or count > 0 then
      ends[#ends + 1] = {key, seconds, anew, beside, count}
    end
  end
  at = at + 1
  for _ = 1, count do
    beside = beside + 1
    local members = tonumber(ARGV[at])
    local last = at + math.max(members, 0)
    if write then
      if members >= 0 then
        redis.call('DEL', KEYS[beside])
      end
      for first = at + 1, last, 5000 do
        redis.call('SADD', KEYS[beside], unpack(ARGV, first, math.min(first + 4999, last)))
      end
    end
    at = last + 1
  end
end
flush(1)
for _, one in ipairs(ends) do
  expire(one[1], one[2], one[3])
  for position = one[4] + 1, one[4] + one[5] do
    expire_beside(KEYS[position], one[1])
  end
end
return reply
