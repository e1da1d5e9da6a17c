-- Run commands once: a call with a token that is known gives the replies that its first call gave.
-- KEYS[1]  the token's key
-- KEYS[2…] the keys of the commands, one command after the other
-- ARGV[1]  milliseconds for which the token is remembered
-- ARGV[2…] for each command: its name, or "" and the place of its script in `scripts`; how many keys it has;
--          how many other arguments; those arguments
-- returns  an array of the replies, errors among them; the only reply where there is one command
-- since    a table `scripts` of functions of KEYS and ARGV stands before this text
-- Replies are kept as MessagePack, in which text stays as it is; the JSON commands give numbers as text.
local LONGEST = 7000 -- words that one command may have here, for what unpack() can put on Lua's stack

local function outcome(value)
  if #value == 1 then
    return value[1]
  end
  return value
end

local known = redis.call('GET', KEYS[1])
if known and known ~= '' then
  return outcome(cmsgpack.unpack(known))
end

-- Before anything is run, so that a server without memory for the token refuses all of it.
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])

local function failure(raised)
  if type(raised) == 'table' then
    return raised
  end
  return { err = tostring(raised) }
end

local function appended(keys, args)
  local reply
  for first = 2, #args, LONGEST do
    reply = redis.pcall('JSON.ARRAPPEND', keys[1], args[1], unpack(args, first, math.min(first + LONGEST - 1, #args)))
  end
  return reply
end

local function ran(name, keys, args)
  if #keys + #args > LONGEST then
    if name == 'JSON.ARRAPPEND' then
      return appended(keys, args)
    end
    return { err = 'ERR rapyer: ' .. name .. ' has too many arguments to be run exactly once' }
  end
  local words = { name }
  for _, key in ipairs(keys) do
    words[#words + 1] = key
  end
  for _, arg in ipairs(args) do
    words[#words + 1] = arg
  end
  return redis.pcall(unpack(words))
end

local replies, key_at, at = {}, 2, 2
while ARGV[at] do
  local name, script = ARGV[at], nil
  if name == '' then
    script = scripts[tonumber(ARGV[at + 1])]
    at = at + 1
  end
  local keys, args = {}, {}
  for _ = 1, tonumber(ARGV[at + 1]) do
    keys[#keys + 1] = KEYS[key_at]
    key_at = key_at + 1
  end
  local first = at + 3
  at = first + tonumber(ARGV[at + 2])
  for position = first, at - 1 do
    args[#args + 1] = ARGV[position]
  end
  local reply
  if script then
    local fine, given = pcall(script, keys, args)
    reply = fine and given or failure(given)
    if fine and given == nil then
      reply = false
    end
  else
    reply = ran(name, keys, args)
  end
  replies[#replies + 1] = reply
end
redis.call('SET', KEYS[1], cmsgpack.pack(replies), 'PX', ARGV[1])
return outcome(replies)
