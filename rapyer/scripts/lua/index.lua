-- What the scripts about indexes begin with.

-- Return what FT.INFO tells of an index by its labels, nil where there is none of that name.
local function told(name)
  local info = redis.pcall('FT.INFO', name)
  if info.err then
    return nil
  end
  local found = {}
  for position = 1, #info, 2 do
    found[info[position].ok or info[position]] = info[position + 1]
  end
  return found
end

-- Return the index that a name stands for, "" for none.
local function behind(name)
  local found = told(name)
  return found and (found.index_name.ok or found.index_name) or ''
end
