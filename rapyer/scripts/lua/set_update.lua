-- Change a set by what is in it on the server.
-- KEYS[1]  the set
-- KEYS[2]  the key of its model, which a set that comes into being here must not outlast
-- ARGV[1]  keep: remove all members but those given; toggle: remove those that are there, add the others
-- ARGV[2…] members
-- returns  how many went (keep) or came (toggle)
local given, changed = {}, 0
for position = 2, #ARGV do
  given[ARGV[position]] = true
end
if ARGV[1] == 'keep' then
  for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    if not given[member] then
      changed = changed + redis.call('SREM', KEYS[1], member)
    end
  end
  return changed
end
-- What is new comes first, so that the key, and its time to live, never goes in between.
local there = {}
for member in pairs(given) do
  if redis.call('SADD', KEYS[1], member) == 0 then
    there[#there + 1] = member
  else
    changed = changed + 1
  end
end
for _, member in ipairs(there) do
  redis.call('SREM', KEYS[1], member)
end
end_with(KEYS[1], KEYS[2])
return changed
