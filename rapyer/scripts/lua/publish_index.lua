-- Give an index a second name, by which it is searched, if it holds all documents and has the fields expected.
-- KEYS[1]  the name
-- KEYS[2]  the index
-- ARGV     for each field path, name and type of index, in one text
-- returns  "published" | "building" | "other", if its fields are others | "missing"
local function words(list)
  local found = {}
  for position, word in ipairs(list) do
    found[position] = type(word) == 'table' and word.ok or word
  end
  return found
end

local info = redis.pcall('FT.INFO', KEYS[2])
if info.err then
  return 'missing'
end
local told, labels = {}, words(info)
for position = 1, #info, 2 do
  told[labels[position]] = info[position + 1]
end
local expected, fields = {}, told.attributes
for _, field in ipairs(ARGV) do
  expected[field] = true
end
for _, row in ipairs(fields) do
  local field = words(row)
  if not expected[field[2] .. ' ' .. field[4] .. ' ' .. field[6]] then
    return 'other'
  end
end
if #fields ~= #ARGV then
  return 'other'
end
local part = told.percent_indexed
if tonumber(told.indexing) ~= 0 or tonumber(type(part) == 'table' and part.ok or part) < 1 then
  return 'building'
end
redis.pcall('FT.ALIASADD', KEYS[1], KEYS[2])
return 'published'
