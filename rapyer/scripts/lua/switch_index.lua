-- Let a name stand for an index, and drop the one that it stood for, in one step: whoever searches by that
-- name never meets nothing, and nothing is left over if the program ends here.
-- KEYS[1]  the name; an index itself, another one's alias, or not in use
-- KEYS[2]  the index, or one of its aliases
-- ARGV[1]  the index that the name is expected to stand for, "" for none; it is dropped
-- returns  whether the name stands for the index now, as 1 or 0; 0 where it stood for yet another one
local before, after = behind(KEYS[1]), behind(KEYS[2])
if after == '' then
  return redis.error_reply(KEYS[2] .. ': no such index')
end
if before == after then
  return 1
end
if before ~= ARGV[1] then
  return 0
end
if before == KEYS[1] then
  redis.call('FT.DROPINDEX', before)
end
-- An alias of the name may be there, hidden by an index that another program has given the same name.
if redis.pcall('FT.ALIASADD', KEYS[1], after).err then
  redis.call('FT.ALIASUPDATE', KEYS[1], after)
end
if before ~= KEYS[1] and before ~= '' then
  redis.call('FT.DROPINDEX', before)
end
return 1
