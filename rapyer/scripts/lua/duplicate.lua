-- KEYS: the source; the copies; for each key beside the source, that and the keys beside the copies.
-- ARGV: the number of copies; seconds to live or ''; the number of changes that all copies get, these as path and
-- value; the path that each copy gets a value of its own for or '', and those values; for each key beside the source
-- how many members the copies begin with there, and these, or -1 to copy it.
-- returns {'missing'} | {'exists', key} | {'copied', the documents, what is beside one: members, or whether it is there}
local number, ttl, changes = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'missing'}
end
for copy = 2, number + 1 do
  if redis.call('EXISTS', KEYS[copy]) == 1 then
    return {'exists', KEYS[copy]}
  end
end
-- These fail here, before anything is written, where a key holds another type.
redis.call('JSON.TYPE', KEYS[1], '$')
for beside = number + 2, #KEYS, number + 1 do
  local kind = redis.call('TYPE', KEYS[beside]).ok
  if kind ~= 'set' and kind ~= 'zset' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[beside] .. ' is a ' .. kind)
  end
end

local function expire(key, main)
  if ttl ~= '' then
    redis.call('EXPIRE', key, ttl)
  elseif main then
    end_with(key, main)
  end
end

local own = 4 + 2 * changes
local reply = {'copied'}
for copy = 2, number + 1 do
  redis.call('COPY', KEYS[1], KEYS[copy])
  for change = 0, changes - 1 do
    redis.call('JSON.SET', KEYS[copy], ARGV[4 + 2 * change], ARGV[5 + 2 * change])
  end
  if ARGV[own] ~= '' then
    redis.call('JSON.SET', KEYS[copy], ARGV[own], ARGV[own + copy - 1])
  end
  expire(KEYS[copy])
  reply[copy] = redis.call('JSON.GET', KEYS[copy])
end

local at = own + 1 + (ARGV[own] ~= '' and number or 0)
for beside = number + 2, #KEYS, number + 1 do
  local members = tonumber(ARGV[at])
  local last = at + math.max(members, 0)
  for copy = 1, number do
    local key = KEYS[beside + copy]
    redis.call('DEL', key)
    if members < 0 then
      redis.call('COPY', KEYS[beside], key)
    end
    for first = at + 1, last, 5000 do
      redis.call('SADD', key, unpack(ARGV, first, math.min(first + 4999, last)))
    end
    expire(key, KEYS[1 + copy])
  end
  at = last + 1
  local first = KEYS[beside + 1]
  local kind = redis.call('TYPE', first).ok
  reply[#reply + 1] = kind == 'set' and redis.call('SMEMBERS', first) or (kind == 'none' and {} or 1)
end
return reply
