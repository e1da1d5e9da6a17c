-- What scripts begin with that look at all that a key holds (`ContentScript`).
-- since    the script's own text follows, with `content_of`, which gives the type and the values of a key, and
--          `digest_of`, which gives a text that is the same as long as these are
local function content_of(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'ReJSON-RL' then
    return kind, redis.call('JSON.GET', key)
  elseif kind == 'set' then
    return kind, redis.call('SMEMBERS', key)
  elseif kind == 'zset' then
    return kind, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  end
  return kind, false
end

-- The members of a set come in any order. Sorting many would hold up everybody else, so large ones are taken as they
-- come: their digest may change although they do not.
local SORTED = 5000

local function digest_of(kind, content)
  if type(content) == 'table' then
    if kind == 'set' and #content <= SORTED then
      table.sort(content)
    end
    content = #content .. ':' .. table.concat(content, '\0')
  end
  return redis.sha1hex(kind .. ':' .. (content or ''))
end
