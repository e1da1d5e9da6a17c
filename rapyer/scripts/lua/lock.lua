-- Everything that changes a lock. One script, because each operation may have to hand the lock on.
-- KEYS     the document, the lock, its queue, when each waiter was last heard of (negative: when it gave up),
--          the last fencing token
-- ARGV[1]  the operation; ARGV[2] who asks: "<inbox>:<number>"; the rest depends on the operation
-- acquire  lease in ms, "1" to queue up, the document's path
--          returns {1, fencing token, JSON text or nothing} | {0, ms until the lease ends or -1, place in line}
-- renew    lease in ms; returns 1, or 0 where the lock is not the caller's
-- release  "1" where a command to acquire may still be on its way, which is to be refused then; leaves the
--          queue; returns 1, or 0 where the lock was not the caller's
-- save     commands, each as a count and its words; after "" one that makes a key which must not outlast the document; returns "saved", "lost" or "gone" (no document)
local document, lock, queue, seen, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local operation, caller = ARGV[1], ARGV[2]
local GRANT, SILENT, IDLE, FENCE = 2000, 5000000, 10000, 600000 -- ms, but SILENT, which is µs

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function text(number)
  return string.format('%.0f', number)
end

local function leave_queue(waiter)
  redis.call('ZREM', queue, waiter)
  redis.call('ZREM', seen, waiter)
end

-- The waiter whose turn it is. Those that have not asked for a while are gone without a word.
local function first_in_line()
  for _, silent in ipairs(redis.call('ZRANGEBYSCORE', seen, '0', text(now - SILENT))) do
    leave_queue(silent)
  end
  redis.call('ZREMRANGEBYSCORE', seen, text(SILENT - now), '(0')
  return redis.call('ZRANGE', queue, 0, 0)[1] or false
end

-- Give the free lock to a waiter, for the short time in which it is to make the lock its own, and tell it.
local function grant(waiter)
  leave_queue(waiter)
  redis.call('SET', lock, waiter, 'PX', GRANT)
  redis.pcall('PUBLISH', 'rapyer:lock:' .. string.match(waiter, '^[^:]*'), waiter)
end

local contended = redis.call('EXISTS', queue, seen) > 0
local holder = redis.pcall('GET', lock)
if type(holder) == 'table' then
  return redis.error_reply('ERR rapyer: the lock key holds something else')
end

if operation == 'acquire' then
  if contended and tonumber(redis.call('ZSCORE', seen, caller) or 0) < 0 then
    return {0, -1, 0}
  end
  local stored = redis.pcall('JSON.GET', document, ARGV[5])
  if type(stored) == 'table' then
    return stored
  end
  local blocked = holder and holder ~= caller
  local first = contended and not holder and first_in_line()
  if first and first ~= caller then
    grant(first)
    blocked = true
  end
  if blocked then
    if ARGV[4] ~= '1' then
      return {0, redis.call('PTTL', lock), 0}
    end
    redis.call('ZADD', queue, 'NX', text(now), caller)
    redis.call('ZADD', seen, text(now), caller)
    redis.call('PEXPIRE', queue, IDLE)
    redis.call('PEXPIRE', seen, IDLE)
    return {0, redis.call('PTTL', lock), redis.call('ZRANK', queue, caller)}
  end
  if first then
    leave_queue(caller)
  end
  redis.call('SET', lock, caller, 'PX', ARGV[3])
  -- The clock keeps the tokens growing after the last one was forgotten; that one, when the clock is set back.
  local token = text(math.max(now, (tonumber(redis.call('GET', fence)) or 0) + 1))
  redis.call('SET', fence, token, 'PX', FENCE)
  return {1, token, stored}
end

local held = holder == caller
if operation == 'renew' then
  return held and redis.call('PEXPIRE', lock, ARGV[3]) or 0
end
if operation == 'release' then
  if not held then
    leave_queue(caller)
  end
  if ARGV[3] == '1' then
    redis.call('ZADD', seen, text(-now), caller)
    redis.call('PEXPIRE', seen, IDLE)
  end
  if not held then
    return 0
  end
  local first = contended and first_in_line()
  if first then
    grant(first)
  else
    redis.call('DEL', lock)
  end
  return 1
end
if not held then
  return 'lost'
end
if redis.call('EXISTS', document) == 0 then
  return 'gone'
end
local position = 3
while position <= #ARGV do
  local words = tonumber(ARGV[position])
  if ARGV[position + 1] ~= '' then
    redis.call(unpack(ARGV, position + 1, position + words))
  else
    redis.call(unpack(ARGV, position + 2, position + words))
    end_with(ARGV[position + 3], document)
  end
  position = position + words + 1
end
return 'saved'
