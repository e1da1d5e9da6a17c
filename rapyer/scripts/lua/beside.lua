-- What scripts begin with that write a key beside a document (`BesideScript`).
-- since    the script's own text follows, with `end_with`, which gives a key that has no end the time that its
--          document has left
local function end_with(key, document)
  if redis.call('PTTL', key) == -1 then
    local left = redis.call('PTTL', document)
    if left > 0 then
      redis.call('PEXPIRE', key, left)
    end
  end
end
