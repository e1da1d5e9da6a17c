-- KEYS: documents, each followed by the other keys of its model. ARGV: how many keys a model has, seconds, and
-- "missing" to leave alone what ends already, else "".
-- A key of another type than a document is somebody else's, and so it is left alone.
local each, seconds, missing = tonumber(ARGV[1]), ARGV[2], ARGV[3] == 'missing'
local renewed = 0
for first = 1, #KEYS, each do
  local kind = redis.call('TYPE', KEYS[first])
  kind = kind.ok or kind
  if kind == 'ReJSON-RL' or kind == 'none' then
    for position = first, first + each - 1 do
      if not missing or redis.call('TTL', KEYS[position]) == -1 then
        renewed = renewed + redis.call('EXPIRE', KEYS[position], seconds)
      end
    end
  end
end
return renewed
