-- Store copies of a document that lives in another slot, with what lives beside it, or none of them if a key is taken.
-- KEYS     each copy, followed by the keys beside it
-- ARGV     how many keys a copy has; what DUMP gave of the document and its milliseconds to live or 0; seconds to
--          live of the copies or ''; the number of changes that all copies get, these as path and value; the path
--          that each copy gets a value of its own for or '', and those values; for each key beside the document how
--          many members the copies begin with there and these, or -1, what DUMP gave or '', and the milliseconds
-- returns  {'exists', key} | {'copied', the documents, what is beside one: members, or whether it is there}
local each, ttl, changes = tonumber(ARGV[1]), ARGV[4], tonumber(ARGV[5])
local number = #KEYS / each
local function key_of(copy, beside)
  return KEYS[(copy - 1) * each + 1 + beside]
end
for copy = 1, number do
  if redis.call('EXISTS', key_of(copy, 0)) == 1 then
    return {'exists', key_of(copy, 0)}
  end
end

local function expire(key, main)
  if ttl ~= '' then
    redis.call('EXPIRE', key, ttl)
  elseif main then
    end_with(key, main)
  end
end

local own = 6 + 2 * changes
local reply = {'copied'}
for copy = 1, number do
  local key = key_of(copy, 0)
  redis.call('RESTORE', key, ARGV[3], ARGV[2])
  for change = 0, changes - 1 do
    redis.call('JSON.SET', key, ARGV[6 + 2 * change], ARGV[7 + 2 * change])
  end
  if ARGV[own] ~= '' then
    redis.call('JSON.SET', key, ARGV[own], ARGV[own + copy])
  end
  expire(key)
  reply[copy + 1] = redis.call('JSON.GET', key)
end

local at = own + 1 + (ARGV[own] ~= '' and number or 0)
for beside = 1, each - 1 do
  local members = tonumber(ARGV[at])
  local last = at + (members < 0 and 2 or members)
  for copy = 1, number do
    local key = key_of(copy, beside)
    redis.call('DEL', key)
    if members < 0 then
      if ARGV[at + 1] ~= '' then
        redis.call('RESTORE', key, ARGV[at + 2], ARGV[at + 1])
      end
    else
      for first = at + 1, last, 5000 do
        redis.call('SADD', key, unpack(ARGV, first, math.min(first + 4999, last)))
      end
    end
    expire(key, key_of(copy, 0))
  end
  at = last + 1
  local first = key_of(1, beside)
  local kind = redis.call('TYPE', first).ok
  reply[#reply + 1] = kind == 'set' and redis.call('SMEMBERS', first) or (kind == 'none' and {} or 1)
end
return reply
