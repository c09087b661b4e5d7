/** What every script begins with: the data set must be the one that the engine was opened on. Keys: the engine's `meta`. Values: epoch, time. */
export const prelude = /* lua */ `
local meta = KEYS[1]
local P = string.sub(meta, 1, -5)
local call = redis.call
local A, at = ARGV, 0
local function take() at = at + 1 return A[at] end
local function int(number) return string.format('%.0f', number) end
local facts = call('HMGET', meta, 'epoch', 'run', 'base', 'n')
if facts[1] ~= take() then return {'LOST'} end
local now = tonumber(take())
`;

/** How messages, gates and the rest of a record are laid out; shared by all scripts that look at queues. */
export const records = /* lua */ `
local READY, SUSPECT, RUNNING, DELAYED, WAITING, DEAD = 0, 1, 2, 3, 4, 5
local index = {[0] = 'r', 's', 'u', 'd', false, 'x'}
-- The order in a lane: up to 2^49 places, above them the lane.
local LANE = 562949953421312
local FORMAT = '>BBBBdddI4I4'
local NONE = -1
local function decode(id, text)
  local st, lane, woken, extra, seq, due, token, attempt, crashes = struct.unpack(FORMAT, text)
  return {id = id, st = st, lane = lane, woken = woken, extra = extra, seq = seq, due = due, token = token,
    attempt = attempt, crashes = crashes, key = string.sub(text, 37)}
end
local function encode(r)
  return struct.pack(FORMAT, r.st, r.lane, r.woken, r.extra, r.seq, r.due, r.token, r.attempt, r.crashes) .. r.key
end
-- What an index of queues sorts a message by.
local function score(r)
  if r.st == READY or r.st == SUSPECT then return int(r.lane * LANE + r.seq) end
  if r.st == DEAD then return r.id end
  if r.due == math.huge then return '+inf' end
  return int(r.due)
end
local queues = {}
local function queue(name)
  local q = queues[name]
  if q == nil then
    local number = call('HGET', P .. 'queues', name)
    q = number and {k = P .. 'q' .. number, name = name, recs = {}, gates = {}} or false
    if q then q.paused = call('HGET', q.k, 'f') == 'p' end
    queues[name] = q
  end
  return q
end
local function load(q, id)
  local r = q.recs[id]
  if r == nil then
    local text = call('HGET', q.k .. 'm', id)
    r = text and decode(id, text) or false
    q.recs[id] = r
  end
  return r
end
-- Failures, reason and time of death, which few have.
local function extraOf(q, r)
  if r.extra == 0 then return {f = {}} end
  return cmsgpack.unpack(call('HGET', q.k .. 'f', r.id))
end
local function nextDue(q)
  local least = false
  for _, name in ipairs({'d', 'u'}) do
    local first = call('ZRANGE', q.k .. name, 0, 0, 'WITHSCORES')
    local due = tonumber(first[2])
    if due and due < math.huge and (not least or due < least) then least = due end
  end
  return least
end
`;
