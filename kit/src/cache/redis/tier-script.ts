import { redisScript, type RedisScript } from "../../drivers/redis/mod.ts";

// One script for all that a tier does, because its first run in the life of a server begins a new era: no run by name can come before it. Entries
// and tokens of another era are not there. So nothing is shown after a restart, or on a replica that took over, which may have lost what invalidated
// it. What orders an era (its stamps, its marks) lies in three keys; when the server drops one of them, a new era begins, too.
//
// KEYS: the era; hard marks of tags; soft marks of tags; slots.
// ARGV: "known" or "new"; time to go by in milliseconds ("" for the server's); something that no other tier has; longest life that keys get on
// top; tags at most; operation; what it needs.
const text = `
redis.replicate_commands()
local call, max, min, ceil = redis.call, math.max, math.min, math.ceil
local pack, unpackHead = struct.pack, struct.unpack
local slackMs, tagsMax, op = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local hourMs, centuryMs = 3600000, 3155760000000
local time = call('TIME')
local now = ARGV[2] == '' and time[1] * 1000 + math.floor(time[2] / 1000) or tonumber(ARGV[2])
local function exact(number) return string.format('%.17g', number) end
local function expire(key, ms) call('PEXPIRE', key, exact(min(centuryMs, ceil(max(1, ms)) + slackMs))) end

local era, hardAll, softAll, forgotten, hardTags, softTags, keptUntil
local function begin()
  call('DEL', KEYS[1], KEYS[2], KEYS[3])
  era = ARGV[3] .. ':' .. time[1] .. '.' .. time[2]
  hardAll, softAll, forgotten, hardTags, softTags, keptUntil = 0, 0, 0, 0, 0, 0
  call('HSET', KEYS[1], 'era', era, 'stamp', 0, 'hard', 0, 'soft', 0, 'forgotten', 0, 'hardTags', 0, 'softTags', 0, 'kept', 0)
  expire(KEYS[1], 2 * hourMs)
end
do
  local held = call('HMGET', KEYS[1], 'era', 'hard', 'soft', 'forgotten', 'hardTags', 'softTags', 'kept')
  era, hardAll, softAll, forgotten = held[1], tonumber(held[2] or 0), tonumber(held[3] or 0), tonumber(held[4] or 0)
  hardTags, softTags, keptUntil = tonumber(held[5] or 0), tonumber(held[6] or 0), tonumber(held[7] or 0)
  local lost = ARGV[1] == 'new' or not era
  lost = lost or (hardTags > 0 and call('ZCARD', KEYS[2]) ~= hardTags)
  lost = lost or (softTags > 0 and call('ZCARD', KEYS[3]) ~= softTags)
  if lost then begin() end
end
local function nextStamp() return call('HINCRBY', KEYS[1], 'stamp', 1) end

-- What has befallen these tags since: "hard", "soft" or nil.
local function marksOf(tags, stamp)
  if tags == '' then return nil end
  if stamp < forgotten then return 'hard' end
  local names = cjson.decode(tags)
  if hardTags > 0 then
    for _, mark in ipairs(call('ZMSCORE', KEYS[2], unpack(names))) do
      if mark and tonumber(mark) > stamp then return 'hard' end
    end
  end
  if softTags > 0 then
    for _, mark in ipairs(call('ZMSCORE', KEYS[3], unpack(names))) do
      if mark and tonumber(mark) > stamp then return 'soft' end
    end
  end
  return nil
end

local function slotOf(key)
  local held = call('HMGET', key, 'era', 'kind', 'stamp', 'fresh', 'kept', 'tags', 'version', 'token', 'tokenStamp', 'tokenUntil',
    op == 'read' and 'body' or 'kind')
  if held[1] ~= era then return { key = key, another = held[1] } end
  return { key = key, kind = held[2], stamp = tonumber(held[3] or 0), fresh = tonumber(held[4] or 0), kept = tonumber(held[5] or 0),
    tags = held[6] or '', version = held[7], token = held[8], tokenStamp = tonumber(held[9] or 0), tokenUntil = tonumber(held[10] or 0), body = held[11] }
end
local function stateOf(slot)
  if not slot.kind or now >= slot.kept or slot.stamp < hardAll then return 'gone' end
  local marks = marksOf(slot.tags, slot.stamp)
  if marks == 'hard' then return 'gone' end
  if marks == 'soft' or slot.stamp < softAll or now >= slot.fresh then return 'stale' end
  return 'fresh'
end
local function lend(slot, forMs)
  if slot.token and now < slot.tokenUntil and slot.tokenStamp >= hardAll then return false end
  local stamp = nextStamp()
  local token = era .. '/' .. exact(stamp)
  if slot.another then call('DEL', slot.key) end
  call('HSET', slot.key, 'era', era, 'token', token, 'tokenStamp', exact(stamp), 'tokenUntil', exact(now + forMs))
  expire(slot.key, max(slot.kind and slot.kept - now or 0, forMs))
  return token
end
local function cancel(slot)
  if slot.token then call('HDEL', slot.key, 'token', 'tokenStamp', 'tokenUntil') end
end

-- An entry as it comes: kind, body, fresh for, kept for, tags, version.
local function entryAt(at)
  return { kind = ARGV[at], body = ARGV[at + 1], freshMs = tonumber(ARGV[at + 2]), keptMs = tonumber(ARGV[at + 3]),
    tags = ARGV[at + 4], version = ARGV[at + 5] }
end
local function isNewer(slot, entry)
  return slot.version and slot.version ~= '' and entry.version ~= '' and tonumber(slot.version) > tonumber(entry.version)
    and stateOf(slot) ~= 'gone'
end
local function put(key, entry, stamp)
  call('DEL', key)
  if entry.keptMs <= 0 then return end
  local fresh, kept = exact(now + entry.freshMs), exact(now + entry.keptMs)
  call('HSET', key, 'era', era, 'kind', entry.kind, 'body', entry.body, 'stamp', exact(stamp), 'fresh', fresh, 'kept', kept,
    'tags', entry.tags, 'version', entry.version, 'head', pack('<dddB', stamp, tonumber(fresh), tonumber(kept), entry.tags == '' and 0 or 1),
    'told', entry.kind .. ' ' .. fresh .. ' ' .. kept .. ' ' .. entry.version .. ' ' .. entry.tags)
  expire(key, entry.keptMs)
  -- Marks must outlive what they are about; ten minutes more at a time, so that not every write has to see to it.
  if now + entry.keptMs <= keptUntil then return end
  keptUntil = now + entry.keptMs + 600000
  call('HSET', KEYS[1], 'kept', exact(keptUntil))
  for index = 1, 3 do expire(KEYS[index], keptUntil - now + 2 * hourMs) end
end

-- An entry as it was put down, when it is fresh and no mark can concern it. Most reads are such: they cost four fields, and no table of ours.
local function plain(key, oldest, marked)
  local held = call('HMGET', key, 'era', 'head', 'told', 'body')
  if held[1] ~= era or not held[2] then return nil end
  local stamp, fresh, kept, tagged = unpackHead('<dddB', held[2])
  if now >= fresh or now >= kept or stamp < oldest then return nil end
  if tagged == 1 and (marked or stamp < forgotten) then return nil end
  return held[3], held[4]
end
local function readSlot(slot, leaseMs, any)
  local state, token = stateOf(slot), false
  if state ~= 'gone' then
    local freshMs = slot.fresh - now
    if state == 'stale' then freshMs = min(0, freshMs) end
    if leaseMs > 0 and (state == 'stale' or any) then token = lend(slot, leaseMs) end
    return { slot.kind, slot.body, exact(freshMs), exact(slot.kept - now), slot.tags, slot.version, token }
  end
  if leaseMs == 0 then return { 'missing' } end
  token = lend(slot, leaseMs)
  return token and { 'missing', token } or { 'loading' }
end

local operations = {}
function operations.read()
  local leaseMs, any = tonumber(ARGV[7]), ARGV[8] == 'any'
  -- The time, then one answer a key: of a fresh entry that nobody is to refresh two texts, as they are stored; of others a list.
  local answers, count = { exact(now) }, 1
  local oldest, marked = max(hardAll, softAll), hardTags > 0 or softTags > 0
  for index = 4, #KEYS do
    local key = KEYS[index]
    local told, body = plain(key, oldest, marked)
    if told and not (any and leaseMs > 0) then
      answers[count + 1], answers[count + 2] = told, body
      count = count + 2
    else
      count = count + 1
      answers[count] = readSlot(slotOf(key), leaseMs, any)
    end
  end
  return answers
end
function operations.fill()
  local slot, token, entry = slotOf(KEYS[4]), ARGV[7], entryAt(8)
  if not slot.token or slot.token ~= token or now >= slot.tokenUntil then return 'refused' end
  cancel(slot)
  if marksOf(entry.tags, slot.tokenStamp) or isNewer(slot, entry) then return 'refused' end
  put(slot.key, entry, slot.tokenStamp)
  return 'stored'
end
function operations.abandon()
  local slot = slotOf(KEYS[4])
  if slot.token ~= ARGV[7] then return 'kept' end
  cancel(slot)
  return 'abandoned'
end
function operations.write()
  local slot, entry = slotOf(KEYS[4]), entryAt(7)
  if isNewer(slot, entry) then return 'outdated' end
  put(slot.key, entry, nextStamp())
  return 'stored'
end
local function invalidateKey(key, hard, olderThan)
  local slot = slotOf(key)
  if slot.another then call('DEL', key) return end
  cancel(slot)
  local version = slot.version and slot.version ~= '' and tonumber(slot.version)
  if not slot.kind or (olderThan ~= '' and version and version >= tonumber(olderThan)) then return end
  if hard then
    call('DEL', key)
  elseif slot.fresh > now then
    call('HSET', key, 'fresh', exact(now), 'kept', exact(min(slot.kept, now + slot.kept - slot.fresh)))
    call('HDEL', key, 'head', 'told')
  end
end
function operations.keys()
  for index = 4, #KEYS do invalidateKey(KEYS[index], ARGV[7] == 'hard', ARGV[8]) end
  return 'done'
end
function operations.tags()
  local stamp, hard = nextStamp(), ARGV[7] == 'hard'
  local marks = hard and KEYS[2] or KEYS[3]
  for at = 8, #ARGV do call('ZADD', marks, exact(stamp), ARGV[at]) end
  local count = call('ZCARD', marks)
  -- Of too many the oldest are forgotten, with everything that has tags and was stored before.
  if count > tagsMax then
    local gone = call('ZPOPMIN', marks, count - tagsMax)
    forgotten = max(forgotten, tonumber(gone[#gone]))
    call('HSET', KEYS[1], 'forgotten', exact(forgotten))
    count = tagsMax
  end
  call('HSET', KEYS[1], hard and 'hardTags' or 'softTags', count)
  local lifeMs = max(0, keptUntil - now) + 2 * hourMs
  expire(marks, lifeMs)
  expire(KEYS[1], lifeMs)
  return 'done'
end
function operations.all()
  call('HSET', KEYS[1], ARGV[7] == 'hard' and 'hard' or 'soft', exact(nextStamp()))
  return 'done'
end
return operations[op]()
`;

/** All that a tier asks of the server. */
export const tierScript: RedisScript = redisScript(text);
