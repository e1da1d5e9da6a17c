-- Change documents and what lives beside them, those that are still what the caller wants to change.
-- KEYS      documents, each followed by the other keys of its model
-- ARGV[1]   how many keys a model has
-- ARGV[2]   seconds to live, or ""
-- ARGV[3]   the index in which documents must match, or ""
-- ARGV[4]   the query
-- ARGV[5]   the SHA-1 of the text that the only document must have, or ""
-- ARGV[6]   how many words more the query has
-- ARGV[7…]  these, and then steps: which key of a model, "creating" for a command that may create that key, how
--           many words follow, and the words of the command, but not the key
-- returns   how many keys were removed, and which documents were changed
local CHUNK = 1000 -- keys in one search, for what unpack() can put on Lua's stack
local each, seconds, index, query = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local digest, number, more = ARGV[5], #KEYS / each, tonumber(ARGV[6])

local steps, at = {}, 7 + more
while at <= #ARGV do
  local words = {}
  for position = at + 3, at + 2 + tonumber(ARGV[at + 2]) do
    words[#words + 1] = ARGV[position]
  end
  steps[#steps + 1] = { key = tonumber(ARGV[at]), creating = ARGV[at + 1] == 'creating', words = words }
  at = at + 3 + #words
end

local function matching(first, last)
  local words = { 'FT.SEARCH', index, query, 'NOCONTENT', 'TIMEOUT', 0, 'LIMIT', 0, last - first + 1 }
  words[#words + 1] = 'INKEYS'
  words[#words + 1] = last - first + 1
  for position = first, last do
    words[#words + 1] = KEYS[(position - 1) * each + 1]
  end
  for position = 7, 6 + more do
    words[#words + 1] = ARGV[position]
  end
  local wanted = {}
  local found = redis.call(unpack(words))
  for position = 2, #found do
    wanted[found[position]] = true
  end
  return wanted
end

local function unchanged(key)
  return digest == '' or redis.sha1hex(redis.call('JSON.GET', key, '.')) == digest
end

local removed = 0
local function change(first)
  for _, step in ipairs(steps) do
    local key = KEYS[first + step.key]
    local reply = redis.call(step.words[1], key, unpack(step.words, 2))
    if step.words[1] == 'DEL' then
      removed = removed + reply
    end
    if step.creating and redis.call('PTTL', key) == -1 then
      local left = redis.call('PTTL', KEYS[first])
      if left > 0 then
        redis.call('PEXPIRE', key, left)
      end
    end
  end
  for position = first, seconds == '' and 0 or first + each - 1 do
    redis.call('EXPIRE', KEYS[position], seconds)
  end
end

local changed = {}
for from = 1, number, CHUNK do
  local to = math.min(from + CHUNK - 1, number)
  local wanted = index ~= '' and matching(from, to)
  for position = from, to do
    local first = (position - 1) * each + 1
    local key = KEYS[first]
    -- The index may still know a document whose time is over.
    local stored = redis.call('TYPE', key).ok == 'ReJSON-RL'
    if stored and (not wanted or wanted[key]) and unchanged(key) then
      change(first)
      changed[#changed + 1] = position
    end
  end
end
table.insert(changed, 1, removed)
return changed
