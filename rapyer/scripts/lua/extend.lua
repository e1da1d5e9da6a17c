-- Let models live at least so long.
-- KEYS     documents, each followed by the other keys of its model
-- ARGV     how many keys a model has; seconds, 0 to leave them as they are
-- returns  how many documents are missing, and how many other keys
local each, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local missing = {0, 0}
for position, key in ipairs(KEYS) do
  if seconds == 0 or redis.call('EXPIRE', key, seconds, 'GT') == 0 then
    local left = redis.call('PTTL', key)
    if left == -2 then
      local kind = position % each == 1 % each and 1 or 2
      missing[kind] = missing[kind] + 1
    elseif left == -1 and seconds > 0 then
      redis.call('EXPIRE', key, seconds)
    end
  end
end
return missing
