-- Starts the time to live of models anew, and that of the models that they refer to.
-- KEYS: the models, all of one class. ARGV: the plan; their seconds to live; the seconds of each class of the
-- plan, 0 to leave them as they are.
-- The plan: `classes`, with the `name` that keys start with, the `paths` of references in the document, the
-- `companions` as what stands before and after the main key, and `edges`; `root`, the class of KEYS; `blanket`,
-- if references without a marker are followed: the depth that they allow.
-- An edge: `store` ('document', 'texts', 'set' or 'queue'), `at` (the number of its path or companion), `depth`
-- if it has a marker, `targets` (numbers of classes by name), and `only`, if there is just one of them.
-- A depth of -1 stands for no limit.
local plan = cjson.decode(ARGV[1])
local seconds, lifetimes = tonumber(ARGV[2]), {}
for number = 1, #plan.classes do
  lifetimes[number] = tonumber(ARGV[2 + number])
end
local nodes, open, ends = {}, {}, {}
local call = redis.call

local function limit(depth)
  return depth < 0 and math.huge or depth
end

local function companion(key, parts)
  return parts[1] .. key .. parts[2]
end

-- A node's budget is the number of references without a marker that may be followed from there on, one after
-- the other. It is visited again only if another way to it allows more. From an end nothing can be followed.
local function offer(key, class, budget)
  if plan.classes[class].edges[1] == nil then
    ends[key] = class
    return
  end
  local node = nodes[key]
  if node == nil then
    node = {class = class, budget = -1}
    nodes[key] = node
  end
  if budget > node.budget then
    node.budget = budget
    if not node.open then
      node.open = true
      open[#open + 1] = key
    end
  end
end

-- What following an edge leaves to the model that is reached; nil if it is not followed.
local function allowance(node, edge)
  if edge.depth then
    return limit(edge.depth)
  end
  local left = node.budget > 0 and node.budget - 1 or nil
  if node.root and plan.blanket then
    return math.max(limit(plan.blanket), left or 0)
  end
  return left
end

local function decoded(text)
  local fine, value = pcall(cjson.decode, text)
  return fine and value or nil
end

local function members(store, key)
  local reply = store == 'set' and redis.pcall('SMEMBERS', key) or redis.pcall('ZRANGE', key, 0, -1)
  local found = {}
  if not reply.err then
    for number, member in ipairs(reply) do
      found[number] = decoded(member) or false
    end
  end
  return found
end

local function document(key, paths)
  if #paths == 0 then
    return {}
  end
  local reply = redis.pcall('JSON.GET', key, unpack(paths))
  local matches = type(reply) == 'string' and decoded(reply) or {}
  if #paths == 1 then
    return {matches}
  end
  local found = {}
  for number, path in ipairs(paths) do
    found[number] = matches[path]
  end
  return found
end

-- The texts that stand at each edge, as they are stored.
local function texts(key, class)
  local stored, found = document(key, class.paths), {}
  for number, edge in ipairs(class.edges) do
    if edge.store == 'document' then
      found[number] = stored[edge.at] or {}
    elseif edge.store == 'texts' then
      found[number] = {}
      for position, text in ipairs(stored[edge.at] or {}) do
        found[number][position] = type(text) == 'string' and decoded(text) or false
      end
    else
      found[number] = members(edge.store, companion(key, class.companions[edge.at]))
    end
  end
  return found
end

-- The key that a text means and its class; nothing for what is no key, and false for one of another class.
local function target(edge, text)
  if type(text) ~= 'string' or text == '' then
    return nil
  end
  local colon = string.find(text, ':', 1, true)
  if colon == nil then
    if edge.only then
      return plan.classes[edge.only].name .. ':' .. text, edge.only
    end
    return nil
  end
  local class = edge.targets[string.sub(text, 1, colon - 1)]
  if class == nil then
    return false
  end
  return text, class
end

local function visit(key)
  local node = nodes[key]
  local class = plan.classes[node.class]
  node.open = false
  if #class.edges == 0 then
    return
  end
  if node.texts == nil then
    node.texts = texts(key, class)
  end
  for number, edge in ipairs(class.edges) do
    local left = allowance(node, edge)
    if left then
      for _, text in ipairs(node.texts[number]) do
        local reached, other = target(edge, text)
        if reached then
          offer(reached, other, left)
        end
      end
    end
  end
end

local function extend(key, ttl)
  if ttl > 0 and call('EXPIRE', key, ttl, 'GT') == 1 then
    return true
  end
  local left = call('PTTL', key) -- it is missing (-2), never ends (-1), or lives longer
  if left == -1 and ttl > 0 then
    call('EXPIRE', key, ttl)
  end
  return left ~= -2
end

for _, key in ipairs(KEYS) do
  local kind = call('TYPE', key).ok
  if kind == 'ReJSON-RL' then
    call('EXPIRE', key, seconds)
  end
  for _, parts in ipairs(plan.classes[plan.root].companions) do
    call('EXPIRE', companion(key, parts), seconds)
  end
  if kind ~= 'none' then
    nodes[key] = {class = plan.root, budget = -1, root = true, open = true}
    open[#open + 1] = key
  end
end
while #open > 0 do
  visit(table.remove(open))
end

local children, specials, mismatched = 0, 0, 0
local function re_arm(key, number)
  local ttl = lifetimes[number]
  if not extend(key, ttl) then
    children = children + 1
  end
  for _, parts in ipairs(plan.classes[number].companions) do
    if not extend(companion(key, parts), ttl) then
      specials = specials + 1
    end
  end
end

for key, number in pairs(ends) do
  re_arm(key, number)
end
for key, node in pairs(nodes) do
  if not node.root then
    re_arm(key, node.class)
  end
  for number, edge in ipairs(plan.classes[node.class].edges) do
    if node.texts and allowance(node, edge) then
      for _, text in ipairs(node.texts[number]) do
        if target(edge, text) == false then
          mismatched = mismatched + 1
        end
      end
    end
  end
end
return {children, specials, mismatched}
