import { redisScript, type RedisScript } from "../../drivers/redis/mod.ts";
import { claims } from "./claim.lua.ts";
import { commits } from "./commit.lua.ts";
import { moves } from "./moves.lua.ts";
import { prelude, records } from "./prelude.lua.ts";

/** Opens a data set, or makes it. Values: the epoch to give a new one. Answers format, epoch, and the run of the server that it was written on last. */
const open = redisScript(/* lua */ `
local meta = KEYS[1]
local call = redis.call
if call('EXISTS', meta) == 0 then
  local run = string.match(call('INFO', 'replication'), 'master_replid:(%x+)') or ''
  local time = call('TIME')
  -- Behind all numbers that an earlier data set of this name can have used: it would have needed a million of them a second.
  local first = string.format('%.0f', (time[1] * 1000 + math.floor(time[2] / 1000)) * 1024)
  call('HSET', meta, 'format', '1', 'epoch', ARGV[1], 'run', run, 'base', '0', 'n', '0', 'adopted', '0', 'ids', first, 'revision', first)
end
return call('HMGET', meta, 'format', 'epoch', 'run')
`);

/** The data set is on a server that was started or promoted meanwhile, perhaps with older data: numbers go on behind all that were given out before.
 *  Values: epoch, time. Answers the run, and how many writing calls the data set knew of when the first engine noticed. */
const adopt = redisScript(
  prelude +
    /* lua */ `
local run = string.match(call('INFO', 'replication'), 'master_replid:(%x+)') or ''
if run ~= facts[2] then
  local time = call('TIME')
  local base = math.max((time[1] * 1000 + math.floor(time[2] / 1000)) * 1024, tonumber(facts[3]) + 1024)
  local numbers = call('HMGET', meta, 'ids', 'revision')
  call('HSET', meta, 'run', run, 'adopted', facts[4], 'base', int(base), 'ids', int(math.max(base, numbers[1])), 'revision', int(math.max(base, numbers[2])))
end
return {'OK', run, tonumber(call('HGET', meta, 'adopted'))}
`,
);

/** Calls of one turn, in order. Values: epoch, time, the run that the engine knows of, name and number of this operation, whether it may have been done
 *  before, how many calls. */
const write = redisScript(
  prelude +
    /* lua */ `
local known, instance, operation, before, calls = take(), take(), take(), take(), tonumber(take())
local run = string.match(call('INFO', 'replication'), 'master_replid:(%x+)') or ''
if run ~= facts[2] or run ~= known then return {'RUN'} end
local noted = P .. 'o:' .. instance
local last = string.match(call('GETRANGE', noted, 0, 16), '^%d+')
if last and tonumber(last) >= tonumber(operation) then
  -- Another copy of it, sent before the connection was lost, may come when nobody waits for it any more.
  local answers = before == '1' and last == operation and string.match(call('GET', noted), '^%d+ (.*)$')
  return {'DONE', tonumber(facts[4]), answers and cmsgpack.unpack(answers) or {}}
end
-- Whether there is room is known before the first write, and holds for the whole call: what needs none goes on.
local isFull, wrote = false, false
local room = redis.pcall('SETRANGE', P .. '-', 0, '')
if type(room) == 'table' and room.err then
  if not string.find(room.err, 'OOM', 1, true) then return room end
  isFull = true
  call('HDEL', P .. '-', '-')
end
` +
    records +
    moves +
    commits +
    claims +
    /* lua */ `
local kinds = {C = commit, T = claim, X = extend}
local answers, kept, hasCommits = {}, {}, false
for n = 1, calls do
  local kind = take()
  if kind == 'C' then hasCommits = true end
  answers[n] = kinds[kind]()
  -- What a claim handed out comes back behind its lease.
  kept[n] = kind == 'T' and {now, 0} or answers[n]
end
local count = tonumber(facts[4])
if wrote then
  count = call('HINCRBY', meta, 'n', 1)
  if hasCommits then call('SET', noted, operation .. ' ' .. cmsgpack.pack(kept), 'PX', 3600000) end
end
return {'OK', count, answers}
`,
);

/** Reads cells. Values: epoch, time, how many, space and key of each. */
const get = redisScript(
  prelude +
    /* lua */ `
local rows = {}
for n = 1, tonumber(take()) do
  local space, key = take(), take()
  local text = call('HGET', P .. 'v:' .. space, key)
  local version, expires = string.match(text or '', '^(%d+) (%-?%d+)$')
  if not text or (tonumber(expires) ~= -1 and tonumber(expires) <= now) then rows[n] = 0
  else rows[n] = {tonumber(version), tonumber(expires), call('HGET', P .. 'c:' .. space, key)} end
end
return {'OK', rows}
`,
);

/** A page of the cells of a space. Values: epoch, time, space, where it begins and ends, how many names to look at. */
const scanCells = redisScript(
  prelude +
    /* lua */ `
local space = take()
local keys = call('ZRANGEBYLEX', P .. 'n:' .. space, take(), take(), 'LIMIT', 0, take())
local rows, bytes, through = {}, 0, false
for _, key in ipairs(keys) do
  if bytes > 8388608 then break end
  local version, expires = string.match(call('HGET', P .. 'v:' .. space, key), '^(%d+) (%-?%d+)$')
  if tonumber(expires) == -1 or tonumber(expires) > now then
    local value = call('HGET', P .. 'c:' .. space, key)
    bytes = bytes + #value
    rows[#rows + 1] = {key, tonumber(version), tonumber(expires), value}
  end
  through = key
end
return {'OK', rows, through}
`,
);

/** A page of messages. Values: epoch, time, queue, state or -1, the id behind which it begins, how many to look at and to show. */
const scanMessages = redisScript(
  prelude +
    records +
    /* lua */ `
local q, state, after, looks, most = queue(take()), tonumber(take()), take(), take(), tonumber(take())
if not q then return {'OK', {}, false} end
local ids = call('ZRANGEBYSCORE', q.k .. (state == DEAD and 'x' or 'a'), '(' .. after, '+inf', 'LIMIT', 0, looks)
local rows, bytes, through = {}, 0, false
for _, id in ipairs(ids) do
  if #rows >= most or bytes > 8388608 then break end
  local r = load(q, id)
  if r and (state == -1 or r.st == state) then
    local blob, extra = call('HGET', q.k .. 'b', id), extraOf(q, r)
    bytes = bytes + #blob
    local due = (r.st == DELAYED or r.st == RUNNING) and r.due < math.huge and r.due or -1
    rows[#rows + 1] = {tonumber(id), r.st, r.lane, r.attempt, r.crashes, due, r.key, blob, extra.f, extra.reason or '', extra.died or -1}
  end
  through = id
end
return {'OK', rows, through}
`,
);

/** A page of queues by name. Values: epoch, time, where it begins and ends, how many. */
const scanQueues = redisScript(
  prelude +
    records +
    /* lua */ `
local rows = {}
for _, name in ipairs(call('ZRANGEBYLEX', P .. 'names', take(), take(), 'LIMIT', 0, take())) do
  local q = queue(name)
  local function size(index) return call('ZCARD', q.k .. index) end
  local first = call('ZRANGE', q.k .. 's', 0, 0)[1] or call('ZRANGE', q.k .. 'r', 0, 0)[1]
  local oldest = first and tonumber(string.match(call('HGET', q.k .. 'b', first), '^%d+')) or -1
  rows[#rows + 1] = {name, q.paused and 1 or 0, size('r'), size('s'), size('u'), size('d'), tonumber(call('HGET', q.k, 'w') or 0), size('x'), oldest}
end
return {'OK', rows}
`,
);

/** Frees what has expired. Values: epoch, time, how many at most. Answers how many entries were looked at. */
const expire = redisScript(
  prelude +
    /* lua */ `
local members = call('ZRANGEBYSCORE', P .. 'expiry', '-inf', int(now), 'LIMIT', 0, take())
for _, member in ipairs(members) do
  local kind = string.sub(member, 1, 1)
  local colon = string.find(member, ':', 1, true)
  local number = string.sub(member, 2, colon - 1)
  local rest = string.sub(member, colon + 1)
  if kind == 'd' then call('HDEL', P .. 'q' .. number .. 'k', rest)
  else
    local name, key = string.sub(rest, 1, tonumber(number)), string.sub(rest, tonumber(number) + 1)
    if kind == 'i' then call('HDEL', P .. 'i:' .. name, key)
    else
      call('HDEL', P .. 'v:' .. name, key)
      call('HDEL', P .. 'c:' .. name, key)
      call('ZREM', P .. 'n:' .. name, key)
    end
  end
  call('ZREM', P .. 'expiry', member)
end
return {'OK', #members}
`,
);

/** What contradicts the counts of a queue. Values: epoch, time, queue. */
const auditCounts = redisScript(
  prelude +
    records +
    /* lua */ `
local q, found = queue(take()), {}
local function size(index) return call('ZCARD', q.k .. index) end
local waiting = tonumber(call('HGET', q.k, 'w') or 0)
local states = size('r') + size('s') + size('u') + size('d') + waiting + size('x')
local held, contents = call('HLEN', q.k .. 'm'), call('HLEN', q.k .. 'b')
if states ~= size('a') then found[#found + 1] = 'counts ' .. states .. ' messages in its states and holds ' .. size('a') end
if held ~= size('a') then found[#found + 1] = 'lists ' .. size('a') .. ' messages and keeps ' .. held end
if contents ~= held then found[#found + 1] = 'keeps ' .. held .. ' messages and ' .. contents .. ' bodies' end
-- A recount of the keys takes all messages at once.
if size('a') > 10000 then return {'OK', found} end
local admitted, waits = {}, {}
for _, id in ipairs(call('ZRANGE', q.k .. 'a', 0, -1)) do
  local r = load(q, id)
  if r and r.key ~= '' and r.st < WAITING then admitted[r.key] = (admitted[r.key] or 0) + 1 end
  if r and r.st == WAITING then waits[r.key] = (waits[r.key] or 0) + 1 end
end
local gates = call('HGETALL', q.k .. 'g')
local known = {}
for n = 1, #gates, 2 do
  local key = gates[n]
  local count, most = string.match(gates[n + 1], '^(%d+) (%d+)$')
  known[key] = true
  if tonumber(count) ~= (admitted[key] or 0) then
    found[#found + 1] = 'key ' .. key .. ' counts ' .. count .. ' admitted and has ' .. (admitted[key] or 0)
  end
  local line = call('ZCARD', q.k .. 'w' .. key)
  if line ~= (waits[key] or 0) then found[#found + 1] = 'key ' .. key .. ' has a line of ' .. line .. ' and ' .. (waits[key] or 0) .. ' that wait' end
  if line > 0 and tonumber(count) < tonumber(most) then found[#found + 1] = 'key ' .. key .. ' has room, and ' .. line .. ' wait' end
  if line == 0 and tonumber(count) == 0 then found[#found + 1] = 'key ' .. key .. ' is remembered, and nothing of it is left' end
end
for key in pairs(admitted) do if not known[key] then found[#found + 1] = 'key ' .. key .. ' is forgotten' end end
for key in pairs(waits) do if not known[key] then found[#found + 1] = 'key ' .. key .. ' is forgotten, and others wait' end end
return {'OK', found}
`,
);

/** Messages that are not where their state says. Values: epoch, time, queue, the id behind which to begin, how many. */
const auditMessages = redisScript(
  prelude +
    records +
    /* lua */ `
local q, found, through = queue(take()), {}, false
for _, id in ipairs(call('ZRANGEBYSCORE', q.k .. 'a', '(' .. take(), '+inf', 'LIMIT', 0, take())) do
  through = id
  local r = load(q, id)
  if not r then found[#found + 1] = 'message ' .. id .. ' is listed and not kept'
  else
    local place = r.st == WAITING and 'w' .. r.key or index[r.st]
    local expected = r.st == WAITING and r.seq or tonumber((string.gsub(score(r), '+inf', 'inf'))) or math.huge
    local at = call('ZSCORE', q.k .. place, id)
    if not at or tonumber(at) ~= expected then found[#found + 1] = 'message ' .. id .. ' is not in its place' end
    if call('HEXISTS', q.k .. 'b', id) == 0 then found[#found + 1] = 'message ' .. id .. ' has no body' end
    if r.extra ~= call('HEXISTS', q.k .. 'f', id) then found[#found + 1] = 'message ' .. id .. ' is marked wrong for its failures' end
  end
end
return {'OK', found, through}
`,
);

type Name =
  | "open"
  | "adopt"
  | "write"
  | "get"
  | "scanCells"
  | "scanMessages"
  | "scanQueues"
  | "expire"
  | "auditCounts"
  | "auditMessages";

/** Everything that the engine asks the server to do. */
export const scripts: Readonly<Record<Name, RedisScript>> = {
  open,
  adopt,
  write,
  get,
  scanCells,
  scanMessages,
  scanQueues,
  expire,
  auditCounts,
  auditMessages,
};
