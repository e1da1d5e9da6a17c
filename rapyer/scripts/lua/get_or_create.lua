-- Give what is stored of a model, or store it.
-- KEYS: the document's key, then those of what lives beside it.
-- ARGV: the document's JSON text; seconds to live of what is stored now, and of what is found, or ''; for each key
-- beside the command that reads it or '', how many members it begins with, or -1 to adopt what is there, and these.
-- returns {'created'} | {'found', JSON text, what was read of each key beside, or 'refused' where it has another type}
local found = redis.call('EXISTS', KEYS[1]) == 1
local ttl = found and ARGV[3] or ARGV[2]
local reply = found and {'found', redis.call('JSON.GET', KEYS[1])} or {'created'}

local at, written = 4, {}
for position = 2, #KEYS do
  local key, read, members = KEYS[position], ARGV[at], tonumber(ARGV[at + 1])
  local last = at + 1 + math.max(members, 0)
  if found and read ~= '' then
    local there = redis.pcall(read, key)
    if type(there) == 'table' and there.err then
      if not string.find(there.err, 'WRONGTYPE', 1, true) then
        return there
      end
      there = 'refused'
    end
    reply[#reply + 1] = there
  elseif not found and members >= 0 then
    redis.call('DEL', key)
    written[#written + 1] = key
    for first = at + 2, last, 5000 do
      redis.call('SADD', key, unpack(ARGV, first, math.min(first + 4999, last)))
    end
  end
  at = last + 1
end

-- Last, so that there is no document without what belongs to it.
local stored = found or redis.pcall('JSON.SET', KEYS[1], '$', ARGV[1])
if type(stored) == 'table' and stored.err then
  for _, key in ipairs(written) do
    redis.call('DEL', key)
  end
  return stored
end
for _, key in ipairs(KEYS) do
  if ttl ~= '' then
    redis.call('EXPIRE', key, ttl)
  elseif not found then
    redis.call('PERSIST', key)
  end
end
return reply
