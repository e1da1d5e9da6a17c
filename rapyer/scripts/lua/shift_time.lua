-- Add a span to a stored ISO 8601 time, to the microsecond; its offset stays, or follows its zone.
-- KEYS and ARGV[1] as in value.lua, and
-- ARGV[2]  the span's days
-- ARGV[3]  the span's seconds
-- ARGV[4]  the span's microseconds
-- ARGV[5]  the offset that the caller's time has before, such as +01:00
-- ARGV[6]  the offset that it has after; the stored one changes alike
-- returns  the new text
local year, month, day, rest = string.match(reply, '^%["(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ]?(.*)"%]$')
local hour, minute, tail = string.match(rest or '', '^(%d%d):(%d%d)(.*)$')
if not hour then
  return failed('domain: the path holds no ISO 8601 time')
end
local second, after = string.match(tail, '^:(%d%d)(.*)$')
local fraction, offset = string.match(after or tail, '^[.,](%d+)(.*)$')
offset = offset or after or tail
local micros = tonumber(string.sub((fraction or '') .. '000000', 1, 6)) + ARGV[4]
local seconds = hour * 3600 + minute * 60 + (second or 0) + ARGV[3] + math.floor(micros / 1000000)
micros = micros % 1000000
-- Days since 0000-03-01, so that a leap day ends its year.
local y, m = tonumber(year), (month + 9) % 12
if month + 0 <= 2 then
  y = y - 1
end
local days = y * 365 + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
days = days + math.floor((m * 153 + 2) / 5) + day - 1 + ARGV[2] + math.floor(seconds / 86400)
seconds = seconds % 86400
if days < 306 or days > 3652364 then
  return failed('overflow: the result lies outside the years 1 to 9999')
end
-- And back: the day within its 400 years, its year there, and its month.
local era = math.floor(days / 146097)
local doe = days - era * 146097
local yoe = math.floor(
  (doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365
)
local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
m = math.floor((5 * doy + 2) / 153)
y = yoe + era * 400 + (m >= 10 and 1 or 0)
if offset == ARGV[5] or (offset == 'Z' and ARGV[5] == '+00:00') then
  offset = ARGV[5] == ARGV[6] and offset or ARGV[6]
end
local out = string.format(
  '%04d-%02d-%02dT%02d:%02d:%02d%s%s', y, (m + 2) % 12 + 1, doy - math.floor((153 * m + 2) / 5) + 1,
  math.floor(seconds / 3600), math.floor(seconds % 3600 / 60), seconds % 60,
  micros > 0 and string.format('.%06d', micros) or '', offset
)
redis.call('JSON.SET', KEYS[1], ARGV[1], '"' .. out .. '"')
return out
