-- Give a document, and what lives beside it, back what they were, if they are still what the caller has seen.
-- KEYS     the document, then the keys beside it
-- ARGV     for each key: the digest that `capture` gave; the type that it is to have, '' to leave it as it is; the
--          time in milliseconds at which it ends, or ''; the milliseconds that it lives if that time is over; how many
--          members to remove, how many words to write; and these: members; the text, members, or scores and members
-- returns  '', or the first key that is not what the caller has seen; nothing is written then
local CHUNK = 5000 -- what unpack() can put on Lua's stack, an even number
local steps, at = {}, 1
for position, key in ipairs(KEYS) do
  local gone, come = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  steps[position] = { key = key, seen = ARGV[at], kind = ARGV[at + 1], ends = ARGV[at + 2], lives = ARGV[at + 3],
                      first = at + 6, middle = at + 6 + gone, last = at + 5 + gone + come }
  at = at + 6 + gone + come
end
for _, step in ipairs(steps) do
  if digest_of(content_of(step.key)) ~= step.seen then
    return step.key
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function write(name, key, from, to)
  for first = from, to, CHUNK do
    redis.call(name, key, unpack(ARGV, first, math.min(first + CHUNK - 1, to)))
  end
end

local adding, removing = { set = 'SADD', zset = 'ZADD' }, { set = 'SREM', zset = 'ZREM' }
for _, step in ipairs(steps) do
  if step.kind ~= '' and redis.call('TYPE', step.key).ok ~= step.kind then
    redis.call('DEL', step.key)
  end
  if step.kind == 'ReJSON-RL' then
    redis.call('JSON.SET', step.key, '$', ARGV[step.middle])
  elseif adding[step.kind] then
    write(removing[step.kind], step.key, step.first, step.middle - 1)
    write(adding[step.kind], step.key, step.middle, step.last)
  end
  if step.kind ~= '' and step.ends == '' then
    redis.call('PERSIST', step.key)
  elseif step.kind ~= '' then
    local ends = tonumber(step.ends)
    redis.call('PEXPIRE', step.key, string.format('%.0f', ends > now and ends - now or tonumber(step.lives)))
  end
end
return ''
