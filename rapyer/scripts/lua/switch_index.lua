-- Let a name stand for an index, in one step: whoever searches by that name never meets nothing.
-- KEYS[1]  the name; an index itself, another one's alias, or not in use
-- KEYS[2]  the index, or one of its aliases
-- returns  the index that the name stood for before, "" for none; an index that had the name itself is dropped
local function behind(name)
  local info = redis.pcall('FT.INFO', name)
  if info.err then
    return ''
  end
  for position = 1, #info, 2 do
    local label = info[position].ok or info[position]
    if label == 'index_name' then
      return info[position + 1].ok or info[position + 1]
    end
  end
end

local before, after = behind(KEYS[1]), behind(KEYS[2])
if after == '' then
  return redis.error_reply(KEYS[2] .. ': no such index')
end
if before == after then
  return after
end
if before == KEYS[1] then
  redis.call('FT.DROPINDEX', KEYS[1])
end
if redis.pcall('FT.ALIASADD', KEYS[1], after).err then
  redis.call('FT.ALIASUPDATE', KEYS[1], after)
end
return before
