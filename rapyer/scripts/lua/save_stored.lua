-- Save a model that is stored, with what lives beside it.
-- KEYS[1]  the document
-- KEYS[2…] the keys beside it that change
-- ARGV     commands, each as a count and its words; after "" one that makes a key which must not outlast the document
-- returns  1, or 0 where there is no document; nothing is written then, or where a key holds another type
local document = KEYS[1]
if redis.call('EXISTS', document) == 0 then
  return 0
end

local steps, position = {}, 1
while position <= #ARGV do
  local lasting = ARGV[position + 1] ~= ''
  local step = { first = position + (lasting and 1 or 2), last = position + tonumber(ARGV[position]), lasting = lasting }
  local name, key = ARGV[step.first], ARGV[step.first + 1]
  local kind = redis.call('TYPE', key).ok
  if (name == 'SADD' or name == 'SREM') and kind ~= 'set' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind)
  end
  steps[#steps + 1] = step
  position = step.last + 1
end

for _, step in ipairs(steps) do
  redis.call(unpack(ARGV, step.first, step.last))
  if not step.lasting then
    end_with(ARGV[step.first + 1], document)
  end
end
return 1
