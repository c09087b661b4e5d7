/** Lists of changes: read from the words of the call, judged without a write, and only then carried out. */
export const commits = /* lua */ `
local function optional(word) if string.sub(word, 1, 1) == '+' then return string.sub(word, 2) end return false end
local function readMessage()
  local m = {blob = take()}
  local settings = take()
  if settings == '' then m.lane, m.due, m.claimFor, m.dedupFor, m.key = 0, NONE, 0, 0, '' return m end
  local lane, due, claimFor, dedupFor, hasKey = string.match(settings, '^(%d) (%-?%d+) (%d+) (%d+) (%d)$')
  m.lane, m.due, m.claimFor, m.dedupFor = tonumber(lane), tonumber(due), tonumber(claimFor), tonumber(dedupFor)
  m.key = hasKey == '1' and take() or ''
  if m.dedupFor > 0 then m.dedup = take() end
  return m
end
local function many(count, read)
  local all = {}
  for n = 1, tonumber(count) do all[n] = read() end
  return all
end
local readers = {
  e = function(c)
    c.queue, c.most, c.depthMax = take(), tonumber(take()), tonumber(take())
    c.messages = many(take(), readMessage)
  end,
  s = function(c)
    c.queue, c.id, c.token, c.kind = take(), take(), tonumber(take()), take()
    if c.kind == 'r' then c.delay, c.failure = tonumber(take()), optional(take())
    elseif c.kind == 'p' then c.delay = tonumber(take()) or math.huge
    elseif c.kind == 'd' then c.reason, c.failure = take(), optional(take()) end
  end,
  h = function(c) c.queue, c.id, c.token = take(), take(), tonumber(take()) end,
  p = function(c) c.space, c.key, c.expect, c.value, c.expiresIn = take(), take(), take(), optional(take()), tonumber(take()) end,
  k = function(c) c.space, c.key, c.expect = take(), take(), take() end,
  i = function(c) c.consumer, c.id, c.keep = take(), take(), tonumber(take()) end,
  w = function(c) c.queue, c.option = take(), take() c.ids = many(take(), take) end,
  f = function(c) c.queue, c.to = take(), take() end,
}
readers.r, readers.x = readers.w, readers.w
local function readChange()
  local c = {op = take()}
  readers[c.op](c)
  return c
end

local function dedupId(q, key)
  local text = q and call('HGET', q.k .. 'k', key)
  if not text then return false end
  local id, untilMs = string.match(text, '^(%d+) (%d+)$')
  return tonumber(untilMs) > now and id
end
local function heldBy(c)
  local q = queue(c.queue)
  local r = q and load(q, c.id)
  return r and r.st == RUNNING and r.token == c.token and r
end
-- Version of a cell, false when it is absent or expired, and how it is kept.
local function cellVersion(space, key)
  local text = call('HGET', P .. 'v:' .. space, key)
  if not text then return false, false end
  local version, expires = string.match(text, '^(%d+) (%-?%d+)$')
  expires = tonumber(expires)
  if expires ~= NONE and expires <= now then return false, expires end
  return version, expires
end
local function countAdded(c, q)
  local named, added = {}, 0
  for _, m in ipairs(c.messages) do
    if not m.dedup then added = added + 1
    elseif not named[m.dedup] and not dedupId(q, m.dedup) then
      named[m.dedup] = true
      added = added + 1
    end
  end
  return added
end
local function judgeHeld(c) return not heldBy(c) and {0} end
local function judgeCell(c)
  if c.expect == '*' then return false end
  local version = cellVersion(c.space, c.key)
  local passes
  if c.expect == 'a' then passes = not version
  elseif c.expect == 'p' then passes = version
  else passes = version == c.expect end
  return not passes and {version and tonumber(version) or -1}
end
local judges = {
  e = function(c, planned)
    local q = queue(c.queue)
    local before = planned[c.queue]
    -- Nothing of the list asks for the depth of this queue.
    if not before then return false end
    local added = countAdded(c, q)
    planned[c.queue] = before + added
    if not c.depthMax or added == 0 then return false end
    local depth = before
    if q then depth = depth + call('ZCARD', q.k .. 'a') - call('ZCARD', q.k .. 'x') end
    return depth + added > c.depthMax and {depth}
  end,
  s = judgeHeld, h = judgeHeld, p = judgeCell, k = judgeCell,
  i = function(c)
    local untilMs = call('HGET', P .. 'i:' .. c.consumer, c.id)
    return untilMs and tonumber(untilMs) > now and {0}
  end,
}

local function expireAt(member, untilMs) call('ZADD', P .. 'expiry', int(untilMs), member) end
local function madeQueue(name)
  local q = queue(name)
  if q then return q end
  local number = int(call('HINCRBY', meta, 'queues', 1))
  call('HSET', P .. 'queues', name, number)
  call('ZADD', P .. 'names', 0, name)
  call('HSET', P .. 'q' .. number, 'n', name)
  queues[name] = nil
  return queue(name)
end
local function add(q, m, id, most)
  call('HSET', q.k .. 'b', id, m.blob)
  call('ZADD', q.k .. 'a', id, id)
  local r = {id = id, lane = m.lane, woken = 0, extra = 0, seq = nextSeq(q, 1), due = m.due, token = 0, attempt = 0, crashes = 0, key = m.key}
  q.recs[id] = r
  -- A paused queue hands out nothing, not even to the one who adds.
  if m.claimFor > 0 and not q.paused then
    hold(r, now + m.claimFor)
    place(q, r, RUNNING)
    return {tonumber(id), r.token}
  end
  arrive(q, r, most)
  return tonumber(id)
end
local function enqueue(c)
  local q, rings, answer = madeQueue(c.queue), 0, {0}
  -- Numbers are drawn together; those of repeated messages stay unused.
  local last = call('HINCRBY', meta, 'ids', #c.messages) - #c.messages
  for _, m in ipairs(c.messages) do
    local known = m.dedup and dedupId(q, m.dedup)
    local result
    if known then result = -tonumber(known)
    else
      last = last + 1
      local id = int(last)
      if m.dedup then
        call('HSET', q.k .. 'k', m.dedup, id .. ' ' .. int(now + m.dedupFor))
        expireAt('d' .. string.sub(q.k, #P + 2) .. ':' .. m.dedup, now + m.dedupFor)
      end
      result = add(q, m, id, c.most)
      if type(result) == 'number' then rings = 1 end
    end
    answer[#answer + 1] = result
  end
  answer[1] = rings
  return answer
end
local function settle(c)
  local q = queue(c.queue)
  local r = load(q, c.id)
  -- Others wait for what comes back, now or later, and for what the key lets in; a plain ack concerns nobody.
  local rings = (c.kind ~= 'a' or r.key ~= '') and 1 or 0
  if c.kind == 'a' then remove(q, r)
  elseif c.kind == 'd' then
    addFailure(q, r, c.failure)
    toDead(q, r, c.reason)
  elseif c.kind == 'l' then
    r.attempt = r.attempt - 1
    toOldPlace(q, r)
  else
    if c.kind == 'r' then addFailure(q, r, c.failure)
    else r.attempt, r.crashes = r.attempt - 1, 0 end
    if c.delay == 0 or r.woken == 1 then toReady(q, r) else toDelayed(q, r, now + c.delay) end
  end
  return rings
end
local function cellMember(c) return 'c' .. #c.space .. ':' .. c.space .. c.key end
local function put(c)
  local _, expires = cellVersion(c.space, c.key)
  local version = call('HINCRBY', meta, 'revision', 1)
  if not c.value then
    if expires then
      call('HDEL', P .. 'v:' .. c.space, c.key)
      call('HDEL', P .. 'c:' .. c.space, c.key)
      call('ZREM', P .. 'n:' .. c.space, c.key)
      if expires ~= NONE then call('ZREM', P .. 'expiry', cellMember(c)) end
    end
    return version
  end
  local untilMs = c.expiresIn and now + c.expiresIn or NONE
  call('HSET', P .. 'v:' .. c.space, c.key, int(version) .. ' ' .. int(untilMs))
  call('HSET', P .. 'c:' .. c.space, c.key, c.value)
  if not expires then call('ZADD', P .. 'n:' .. c.space, 0, c.key) end
  if untilMs ~= NONE then expireAt(cellMember(c), untilMs)
  elseif expires and expires ~= NONE then call('ZREM', P .. 'expiry', cellMember(c)) end
  return version
end
local function each(c, move)
  local q, named, count = queue(c.queue), {}, 0
  if not q then return 0 end
  for _, id in ipairs(c.ids) do
    local r = not named[id] and load(q, id)
    named[id] = true
    if r and move(q, r) then count = count + 1 end
  end
  return count
end
local appliers = {
  e = enqueue, s = settle, p = put,
  h = function() return 0 end,
  k = function() return 0 end,
  i = function(c)
    call('HSET', P .. 'i:' .. c.consumer, c.id, int(now + c.keep))
    expireAt('i' .. #c.consumer .. ':' .. c.consumer .. c.id, now + c.keep)
    return 0
  end,
  w = function(c)
    return each(c, function(q, r)
      if r.st == RUNNING then
        r.woken = 1
        save(q, r)
      elseif r.st == DELAYED then toReady(q, r)
      else return false end
      return true
    end)
  end,
  r = function(c)
    local most = tonumber(c.option) or false
    return each(c, function(q, r)
      if r.st ~= DEAD then return false end
      redrive(q, r, most)
      return true
    end)
  end,
  x = function(c)
    return each(c, function(q, r)
      if r.st == RUNNING or (c.option == 'd' and r.st ~= DEAD) then return false end
      remove(q, r)
      return true
    end)
  end,
  f = function(c)
    local q = madeQueue(c.queue)
    q.paused = c.to == 'p'
    if q.paused then call('HSET', q.k, 'f', 'p') else call('HDEL', q.k, 'f') end
    return 0
  end,
}
local function commit()
  local needsRoom = take() == '1'
  local changes = many(take(), readChange)
  if needsRoom and isFull then return {-1} end
  local planned = {}
  for _, c in ipairs(changes) do if c.depthMax then planned[c.queue] = 0 end end
  for n, c in ipairs(changes) do
    local judge = judges[c.op]
    local refusal = judge and judge(c, planned)
    if refusal then return {0, n - 1, refusal[1]} end
  end
  local answer = {1}
  for n, c in ipairs(changes) do
    answer[n + 1] = appliers[c.op](c)
    if c.op ~= 'h' and c.op ~= 'k' then wrote = true end
  end
  return answer
end
`;
