-- Push members into a queue whose ties come in the order of their arrival.
-- KEYS[1]  the queue
-- KEYS[2]  the key of the model that it belongs to
-- ARGV[1]  '' | 'NX' | 'LT' | 'GT', as ZADD takes them, of priorities; or '=' and a score, to do nothing unless the
--          first member has that score now
-- ARGV[2]  how many members of one priority there may be
-- ARGV[3…] priority and member, priority and member, …
-- returns  how many members are new or have moved; the priority that has no place left, and then nothing is pushed
-- The score is the priority, a whole number, and a fraction that says who came first. A member that is pushed
-- with the priority that it has stays where it is.
local STEP = 2 ^ -21
local MOST = tonumber(ARGV[2])
local SEEN = string.match(ARGV[1], '^=(.*)$')
local PAGE = 1000

local function written(score)
  return string.format('%.17g', score)
end

local function moves(before, priority)
  return ARGV[1] == '' or SEEN or (ARGV[1] == 'LT' and priority < before) or (ARGV[1] == 'GT' and priority > before)
end

local function last_of(priority)
  local past = '(' .. written(priority + 1)
  local reply = redis.call('ZRANGE', KEYS[1], past, written(priority), 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
  return reply[1], tonumber(reply[2])
end

local function next_of(priority)
  local _, score = last_of(priority)
  return score and score + STEP or priority
end

local function rank_of_first(priority)
  local reply = redis.call('ZRANGE', KEYS[1], written(priority), '+inf', 'BYSCORE', 'LIMIT', 0, 1)
  return redis.call('ZRANK', KEYS[1], reply[1])
end

local function number_of(priority)
  local last = last_of(priority)
  return last and redis.call('ZRANK', KEYS[1], last) - rank_of_first(priority) + 1 or 0
end

-- Scores only fall, and none to where another is, so the order stays the same all the while.
local function number_anew(priority)
  local rank, place, before = rank_of_first(priority), -1, nil
  while true do
    local page, words, past = redis.call('ZRANGE', KEYS[1], rank, rank + PAGE - 1, 'WITHSCORES'), {}, false
    for at = 1, #page, 2 do
      local score = tonumber(page[at + 1])
      if score >= priority + 1 then
        past = true
        break
      end
      if score ~= before then
        place, before = place + 1, score
      end
      local lower = priority + place * STEP
      if lower < score then
        words[#words + 1] = written(lower)
        words[#words + 1] = page[at]
      end
    end
    if #words > 0 then
      redis.call('ZADD', KEYS[1], unpack(words))
    end
    if past or #page < 2 * PAGE then
      return
    end
    rank = rank + PAGE
  end
end

if SEEN then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[4])
  if not score or tonumber(score) ~= tonumber(SEEN) then
    return 0
  end
end
-- What there is to do is found out before anything is done.
local steps, now, moved, total, coming = {}, {}, {}, 0, {}
for at = 3, #ARGV, 2 do
  local priority, member = tonumber(ARGV[at]), ARGV[at + 1]
  if now[member] == nil then
    local score = redis.call('ZSCORE', KEYS[1], member)
    now[member] = score and math.floor(tonumber(score))
  end
  local before = now[member]
  if not before or (before ~= priority and moves(before, priority)) then
    now[member] = priority
    steps[#steps + 1] = { priority, member }
    coming[priority] = (coming[priority] or 0) + 1
    if not moved[member] then
      moved[member], total = true, total + 1
    end
  end
end
local following, full = {}, {}
for priority, count in pairs(coming) do
  following[priority] = next_of(priority)
  if following[priority] + (count - 1) * STEP >= priority + 1 then
    if number_of(priority) + count > MOST then
      return written(priority)
    end
    full[#full + 1] = priority
  end
end
for _, priority in ipairs(full) do
  if last_of(priority) then
    number_anew(priority)
  end
  following[priority] = next_of(priority)
end
for _, step in ipairs(steps) do
  local priority, member = step[1], step[2]
  redis.call('ZADD', KEYS[1], written(following[priority]), member)
  following[priority] = following[priority] + STEP
end
end_with(KEYS[1], KEYS[2])
return total
