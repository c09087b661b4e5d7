/** How messages move between the states of a queue. Each function writes what it changes at once. */
export const moves: string = /* lua */ `
local base = tonumber(facts[3])
local function save(q, r) call('HSET', q.k .. 'm', r.id, encode(r)) end
local function nextSeq(q, count) return call('HINCRBY', q.k, 's', count) end
local function lift(q, r)
  if r.st == WAITING then
    call('ZREM', q.k .. 'w' .. r.key, r.id)
    call('HINCRBY', q.k, 'w', -1)
  else call('ZREM', q.k .. index[r.st], r.id) end
end
local function place(q, r, st)
  r.st = st
  if st == WAITING then
    call('ZADD', q.k .. 'w' .. r.key, int(r.seq), r.id)
    call('HINCRBY', q.k, 'w', 1)
  else call('ZADD', q.k .. index[st], score(r), r.id) end
  save(q, r)
end
local function gateOf(q, key)
  local g = q.gates[key]
  if not g then
    local text = call('HGET', q.k .. 'g', key)
    g = {admitted = 0, most = 1}
    if text then
      local admitted, most = string.match(text, '^(%d+) (%d+)$')
      g = {admitted = tonumber(admitted), most = tonumber(most)}
    end
    q.gates[key] = g
  end
  return g
end
-- Whether a key of the queue is still on its way to a higher concurrency.
local function isLagging(q)
  if q.lags == nil then q.lags = call('EXISTS', q.k .. 'o') == 1 end
  return q.lags
end
-- Of a key that nothing is left of, nothing is remembered.
local function keepGate(q, key, g)
  if g.admitted == 0 and call('ZCARD', q.k .. 'w' .. key) == 0 then
    call('HDEL', q.k .. 'g', key)
    if isLagging(q) then call('ZREM', q.k .. 'o', key) end
    q.gates[key] = nil
  else call('HSET', q.k .. 'g', key, int(g.admitted) .. ' ' .. int(g.most)) end
end
local function start(q, r)
  if r.due > now then return place(q, r, DELAYED) end
  r.due = NONE
  place(q, r, READY)
end
local function passOn(q, key, g)
  while g.admitted < g.most do
    local popped = call('ZPOPMIN', q.k .. 'w' .. key)
    if not popped[1] then return end
    call('HINCRBY', q.k, 'w', -1)
    g.admitted = g.admitted + 1
    start(q, load(q, popped[1]))
  end
end
-- The concurrency is 'most' from now on. Of a long line no more than the spare ones go in during one run, so that the server is not kept from others; the
-- concurrency rises as far as they go, and the next claims of the queue go on.
local spare = SPARE
local function raise(q, key, g, most)
  local before = g.admitted
  if most - before > spare and call('ZCARD', q.k .. 'w' .. key) > spare then
    g.most = math.max(g.most, before + spare)
    call('ZADD', q.k .. 'o', int(most), key)
    q.lags = true
  else
    g.most = most
    if isLagging(q) then call('ZREM', q.k .. 'o', key) end
  end
  passOn(q, key, g)
  spare = spare - (g.admitted - before)
  return g.admitted - before
end
local function leaveGate(q, r)
  if r.key == '' then return end
  local g = gateOf(q, r.key)
  g.admitted = g.admitted - 1
  passOn(q, r.key, g)
  keepGate(q, r.key, g)
end
-- A new or redriven message: ready, delayed, or waiting for its key. 'most' is its key's concurrency from now on, unless false.
local function arrive(q, r, most)
  if r.key == '' then return start(q, r) end
  local g = gateOf(q, r.key)
  if most then raise(q, r.key, g, most) end
  if g.admitted < g.most then
    g.admitted = g.admitted + 1
    start(q, r)
  else place(q, r, WAITING) end
  keepGate(q, r.key, g)
end
local function toReady(q, r)
  lift(q, r)
  r.seq, r.due = nextSeq(q, 1), NONE
  place(q, r, READY)
end
local function toOldPlace(q, r)
  lift(q, r)
  r.due = NONE
  place(q, r, r.crashes > 0 and SUSPECT or READY)
end
local function toDelayed(q, r, due)
  lift(q, r)
  r.due = due
  place(q, r, DELAYED)
end
local function hold(r, untilMs)
  r.due, r.woken = untilMs, 0
  r.token = math.max(r.token + 1, base)
  r.attempt = r.attempt + 1
end
local function setExtra(q, r, extra)
  if #extra.f == 0 and not extra.reason then
    if r.extra == 1 then call('HDEL', q.k .. 'f', r.id) end
    r.extra = 0
  else
    call('HSET', q.k .. 'f', r.id, cmsgpack.pack(extra))
    r.extra = 1
  end
end
local function addFailure(q, r, failure)
  if not failure then return end
  local extra = extraOf(q, r)
  if #extra.f >= FAILURES then table.remove(extra.f, 2) end
  table.insert(extra.f, failure)
  setExtra(q, r, extra)
end
local function toDead(q, r, reason)
  lift(q, r)
  local extra = extraOf(q, r)
  extra.reason, extra.died = reason, now
  setExtra(q, r, extra)
  r.due = NONE
  place(q, r, DEAD)
  leaveGate(q, r)
end
local function remove(q, r)
  lift(q, r)
  call('HDEL', q.k .. 'm', r.id)
  call('HDEL', q.k .. 'b', r.id)
  if r.extra == 1 then call('HDEL', q.k .. 'f', r.id) end
  call('ZREM', q.k .. 'a', r.id)
  q.recs[r.id] = false
  if r.st == DEAD or r.key == '' then return end
  if r.st == WAITING then keepGate(q, r.key, gateOf(q, r.key)) else leaveGate(q, r) end
end
local function redrive(q, r, most)
  lift(q, r)
  local extra = extraOf(q, r)
  extra.reason, extra.died = nil, nil
  setExtra(q, r, extra)
  r.attempt, r.crashes, r.seq = 0, 0, nextSeq(q, 1)
  arrive(q, r, most)
end
`
  .replace("FAILURES", "16")
  // Messages that a higher concurrency lets in during one run, for all keys together: about 10 ms of the server.
  .replace("SPARE", "1000");
