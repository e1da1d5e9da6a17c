-- Give an index a second name, by which it is searched, if it holds all documents and has the fields expected.
-- KEYS[1]  the name
-- KEYS[2]  the index
-- ARGV     for each field path, name and type of index, in one text
-- returns  "published" | "building" | "other", if its fields are others | "missing"
local function word(given)
  return type(given) == 'table' and given.ok or given
end

local found = told(KEYS[2])
if not found then
  return 'missing'
end
local expected, fields = {}, found.attributes
for _, field in ipairs(ARGV) do
  expected[field] = true
end
for _, row in ipairs(fields) do
  if not expected[word(row[2]) .. ' ' .. word(row[4]) .. ' ' .. word(row[6])] then
    return 'other'
  end
end
if #fields ~= #ARGV then
  return 'other'
end
if tonumber(found.indexing) ~= 0 or tonumber(word(found.percent_indexed)) < 1 then
  return 'building'
end
local added = redis.pcall('FT.ALIASADD', KEYS[1], KEYS[2])
if added.err and behind(KEYS[1]) == '' then
  return added
end
return 'published'
