/** Claims and extensions. What is due moves in batches: what is left over shows in the time of the next look. */
export const claims: string = /* lua */ `
-- Records of these ids, in their order, with one look.
local function loadAll(q, ids)
  local unknown = {}
  for _, id in ipairs(ids) do if q.recs[id] == nil then unknown[#unknown + 1] = id end end
  if #unknown > 0 then
    local texts = call('HMGET', q.k .. 'm', unpack(unknown))
    for n, id in ipairs(unknown) do q.recs[id] = texts[n] and decode(id, texts[n]) or false end
  end
  local all = {}
  for n, id in ipairs(ids) do all[n] = q.recs[id] end
  return all
end
-- Moves messages, already changed in memory, from one index to another.
local function shift(q, moved, from, to)
  if #moved == 0 then return end
  local ids, scores, texts = {}, {}, {}
  for _, r in ipairs(moved) do
    ids[#ids + 1] = r.id
    scores[#scores + 1], scores[#scores + 2] = score(r), r.id
    texts[#texts + 1], texts[#texts + 2] = r.id, encode(r)
  end
  call('ZREM', q.k .. from, unpack(ids))
  call('ZADD', q.k .. to, unpack(scores))
  call('HSET', q.k .. 'm', unpack(texts))
end
local function mature(q)
  local due = loadAll(q, call('ZRANGEBYSCORE', q.k .. 'd', '-inf', int(now), 'LIMIT', 0, BATCH))
  if #due == 0 then return 0 end
  local seq = nextSeq(q, #due) - #due
  for n, r in ipairs(due) do r.st, r.due, r.seq = READY, NONE, seq + n end
  shift(q, due, 'd', 'r')
  return #due
end
local function rescue(q, crashesMax)
  local lapsed = loadAll(q, call('ZRANGEBYSCORE', q.k .. 'u', '-inf', int(now), 'LIMIT', 0, BATCH))
  for _, r in ipairs(lapsed) do
    r.attempt, r.crashes = r.attempt - 1, r.crashes + 1
    if r.crashes >= crashesMax then toDead(q, r, 'crashed') else toOldPlace(q, r) end
  end
  return #lapsed
end
-- Goes on with what a higher concurrency of a key lets in.
local function admit(q)
  if not isLagging(q) then return 0 end
  local keys, moved = call('ZRANGE', q.k .. 'o', 0, 99, 'WITHSCORES'), 0
  for n = 1, #keys, 2 do
    if spare == 0 then break end
    local g = gateOf(q, keys[n])
    moved = moved + raise(q, keys[n], g, tonumber(keys[n + 1]))
    keepGate(q, keys[n], g)
  end
  q.lags = nil
  return moved
end
local function inOrder(one, other)
  if one.lane ~= other.lane then return one.lane < other.lane end
  return one.seq < other.seq
end
-- Suspects first, so that they cannot starve, but handed out in the common order.
local function choose(q, count, suspects)
  local chosen = {}
  if suspects > 0 then chosen = loadAll(q, call('ZRANGE', q.k .. 's', 0, suspects - 1)) end
  local found = #chosen
  if found < count then
    for _, r in ipairs(loadAll(q, call('ZRANGE', q.k .. 'r', 0, count - found - 1))) do chosen[#chosen + 1] = r end
  end
  if found > 0 then table.sort(chosen, inOrder) end
  return chosen
end
-- Bodies of as many as fit into one answer.
local function contents(q, chosen)
  local blobs, bytes = {}, 0
  for first = 1, #chosen, 32 do
    if bytes > BYTES then break end
    local ids = {}
    for n = first, math.min(first + 31, #chosen) do ids[#ids + 1] = chosen[n].id end
    for _, blob in ipairs(call('HMGET', q.k .. 'b', unpack(ids))) do
      blobs[#blobs + 1] = blob
      bytes = bytes + #blob
    end
  end
  return blobs
end
local function claim()
  local name, count, lease = take(), tonumber(take()), tonumber(take())
  local suspects, crashesMax = tonumber(take()), tonumber(take())
  local q = queue(name)
  if not q then return {-1, 0} end
  local moved = mature(q) + rescue(q, crashesMax) + admit(q)
  if moved > 0 then wrote = true end
  local most = math.min(count, BATCH)
  local chosen = q.paused and {} or choose(q, most, math.min(suspects, most))
  local blobs = contents(q, chosen)
  local answer, shifted = {-1, 0}, {[READY] = {}, [SUSPECT] = {}}
  for n, blob in ipairs(blobs) do
    local r = chosen[n]
    table.insert(shifted[r.st], r)
    hold(r, now + lease)
    answer[#answer + 1] = {tonumber(r.id), r.token, r.attempt, r.crashes, r.lane, r.key, blob, extraOf(q, r).f}
  end
  for _, from in ipairs({READY, SUSPECT}) do
    for _, r in ipairs(shifted[from]) do r.st = RUNNING end
    shift(q, shifted[from], index[from], 'u')
  end
  if #blobs > 0 then wrote = true end
  local due = nextDue(q)
  local isCut = #blobs < #chosen or (count > most and #chosen == most) or isLagging(q)
  if isCut then answer[1] = now elseif due then answer[1] = due end
  if moved > 0 and call('ZCARD', q.k .. 'r') + call('ZCARD', q.k .. 's') > 0 then answer[2] = 1 end
  return answer
end
local function extend()
  local lease = tonumber(take())
  local answer = {}
  for n = 1, tonumber(take()) do
    local c = {queue = take(), id = take(), token = tonumber(take())}
    local r = heldBy(c)
    if r then
      local q = queue(c.queue)
      r.due = now + lease
      call('ZADD', q.k .. 'u', int(r.due), r.id)
      save(q, r)
      wrote = true
    end
    answer[n] = r and 1 or 0
  end
  return answer
end
`
  // Messages that one claim matures, rescues and hands out at most, of each: about 10 ms of the server.
  .replaceAll("BATCH", "1000")
  // Of bodies in one answer; the last ones may go beyond it.
  .replaceAll("BYTES", "8388608");
