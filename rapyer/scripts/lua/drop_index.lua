-- Drop an index, unless a name stands for it that is still in use.
-- KEYS[1]  the index
-- KEYS[2…] such names
-- returns  whether it was dropped, as 1 or 0
if behind(KEYS[1]) ~= KEYS[1] then
  return 0
end
for position = 2, #KEYS do
  if behind(KEYS[position]) == KEYS[1] then
    return 0
  end
end
redis.call('FT.DROPINDEX', KEYS[1])
return 1
