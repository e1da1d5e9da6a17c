-- What scripts begin with that compute with one stored value (`ValueScript`).
-- KEYS[1]  the document
-- ARGV[1]  the path
-- since    the script's own text follows, with `reply`, the array text of the value, and `failed`, which makes
--          the reply for what cannot be computed; where there is no such path, nil is returned before it
local function failed(problem)
  return redis.error_reply('ERR rapyer ' .. problem)
end
local reply = redis.call('JSON.GET', KEYS[1], ARGV[1])
if not reply then
  return redis.error_reply("ERR could not perform this operation on a key that doesn't exist")
elseif reply == '[]' then
  return false
end
