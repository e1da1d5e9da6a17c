-- Read a part of a set, in the order of SSCAN, and how many members there are.
-- KEYS[1]  the set
-- ARGV[1]  the cursor where the part begins
-- ARGV[2]  how many of the members that SSCAN gives there come before it
-- ARGV[3]  how many members
-- returns  {how many members there are, the cursor and the number where the next part begins, members}; an
--          empty cursor where there is none
local cursor, before, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local size, members = redis.call('SCARD', KEYS[1]), {}
while true do
  local reply = redis.call('SSCAN', KEYS[1], cursor, 'COUNT', count)
  for position = before + 1, #reply[2] do
    if #members == count then
      return {size, cursor, position - 1, members}
    end
    members[#members + 1] = reply[2][position]
  end
  cursor, before = reply[1], 0
  if cursor == '0' then
    return {size, '', 0, members}
  end
  if #members == count then
    return {size, cursor, 0, members}
  end
end
