-- Run a command that may create the key of a field, and let that key not outlast its model's.
-- KEYS[1]  the key of the field
-- KEYS[2]  the key of the model
-- ARGV[1]  the command
-- ARGV[2]  "stored" to do nothing where there is no JSON document under the model's key; "lost" to do something
--          only there, and to remove what is left under the key of the field first
-- ARGV[3]  how many options of the command follow
-- ARGV[4…] these, and then the values
-- returns  the sum of what the calls gave
local CHUNK = 5000 -- values in one call, for what unpack() can put on Lua's stack
if ARGV[2] ~= '' then
  local stored = redis.call('TYPE', KEYS[2]).ok == 'ReJSON-RL'
  if stored ~= (ARGV[2] == 'stored') then
    return 0
  end
  if ARGV[2] == 'lost' then
    redis.call('DEL', KEYS[1])
  end
end
local options = tonumber(ARGV[3])
local total = 0
for first = 4 + options, #ARGV, CHUNK do
  local words = { ARGV[1], KEYS[1] }
  for position = 4, 3 + options do
    words[#words + 1] = ARGV[position]
  end
  for position = first, math.min(first + CHUNK - 1, #ARGV) do
    words[#words + 1] = ARGV[position]
  end
  total = total + redis.call(unpack(words))
end
end_with(KEYS[1], KEYS[2])
return total
