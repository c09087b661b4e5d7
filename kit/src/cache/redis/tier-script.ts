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
local pack, unpackHead, find, sub = struct.pack, struct.unpack, string.find, string.sub
local slackMs, tagsMax, op = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local hourMs, centuryMs = 3600000, 3155760000000
local time = call('TIME')
local now = ARGV[2] == '' and time[1] * 1000 + math.floor(time[2] / 1000) or tonumber(ARGV[2])
local function exact(number) return string.format('%.17g', number) end
local function lifeOf(ms) return exact(min(centuryMs, ceil(max(1, ms)) + slackMs)) end
local function expire(key, ms) call('PEXPIRE', key, lifeOf(ms)) end

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

-- An entry is one text, so that reads are one MGET: a head of numbers, its era, what is told of it, and behind the end of that line its body. A slot
-- that only has a token is a head and an era, kept until 0.
local headForm, headSize = '<ddBddd', 41
local eraMark = era .. ' '
local eraAt, toldAt = headSize + 1, headSize + #eraMark + 1
local function headOf(slot)
  return pack(headForm, slot.stamp, slot.fresh, slot.tagged, slot.kept, slot.tokenStamp, slot.tokenUntil)
end
local function isOurs(text) return find(text, eraMark, eraAt, true) == eraAt end
local function slotOf(key)
  local head = call('GETRANGE', key, 0, toldAt - 2)
  if not isOurs(head) then return { key = key, stamp = 0, fresh = 0, tagged = 0, kept = 0, tokenStamp = 0, tokenUntil = 0 } end
  local stamp, fresh, tagged, kept, tokenStamp, tokenUntil = unpackHead(headForm, head)
  return { key = key, stamp = stamp, fresh = fresh, tagged = tagged, kept = kept, tokenStamp = tokenStamp, tokenUntil = tokenUntil }
end
-- What only few operations need of an entry that is there.
local function tell(slot)
  if slot.kind then return end
  local told = call('GETRANGE', slot.key, toldAt - 1, -1)
  slot.kind, slot.version, slot.tags, slot.body = string.match(told, '^(%S+) %S+ %S+ (%S*) ([^\\n]*)\\n(.*)$')
end
local function textOf(slot)
  local told = slot.kind .. ' ' .. exact(slot.fresh) .. ' ' .. exact(slot.kept) .. ' ' .. slot.version .. ' ' .. slot.tags
  return headOf(slot) .. eraMark .. told .. '\\n' .. slot.body
end
local function stateOf(slot)
  if now >= slot.kept or slot.stamp < hardAll then return 'gone' end
  local marks
  if slot.tagged == 1 and (hardTags > 0 or softTags > 0 or slot.stamp < forgotten) then
    tell(slot)
    marks = marksOf(slot.tags, slot.stamp)
  end
  if marks == 'hard' then return 'gone' end
  if marks == 'soft' or slot.stamp < softAll or now >= slot.fresh then return 'stale' end
  return 'fresh'
end
local function tokenOf(slot) return era .. '/' .. exact(slot.tokenStamp) end
local function lend(slot, forMs)
  if now < slot.tokenUntil and slot.tokenStamp >= hardAll then return false end
  slot.tokenStamp, slot.tokenUntil = nextStamp(), now + forMs
  if slot.kept > 0 then call('SETRANGE', slot.key, 0, headOf(slot)) else call('SET', slot.key, headOf(slot) .. eraMark) end
  expire(slot.key, max(slot.kept > 0 and slot.kept - now or 0, forMs))
  return tokenOf(slot)
end
local function cancel(slot)
  if slot.tokenUntil == 0 then return end
  slot.tokenStamp, slot.tokenUntil = 0, 0
  if slot.kept > 0 then call('SETRANGE', slot.key, 0, headOf(slot)) else call('DEL', slot.key) end
end

-- An entry as it comes: kind, body, fresh for, kept for, tags, version.
local function entryAt(at)
  return { kind = ARGV[at], body = ARGV[at + 1], freshMs = tonumber(ARGV[at + 2]), keptMs = tonumber(ARGV[at + 3]),
    tags = ARGV[at + 4], version = ARGV[at + 5] }
end
local function isNewer(slot, entry)
  if entry.version == '' or slot.kept == 0 then return false end
  tell(slot)
  return slot.version ~= '' and tonumber(slot.version) > tonumber(entry.version) and stateOf(slot) ~= 'gone'
end
local function put(key, entry, stamp)
  if entry.keptMs <= 0 then call('DEL', key) return end
  local slot = { kind = entry.kind, body = entry.body, tags = entry.tags, version = entry.version, stamp = stamp,
    fresh = now + min(entry.freshMs, entry.keptMs), kept = now + entry.keptMs, tagged = entry.tags == '' and 0 or 1, tokenStamp = 0, tokenUntil = 0 }
  call('SET', key, textOf(slot), 'PX', lifeOf(entry.keptMs))
  -- Marks must outlive what they are about; ten minutes more at a time, so that not every write has to see to it.
  if slot.kept <= keptUntil then return end
  keptUntil = slot.kept + 600000
  call('HSET', KEYS[1], 'kept', exact(keptUntil))
  for index = 1, 3 do expire(KEYS[index], keptUntil - now + 2 * hourMs) end
end

local function readSlot(slot, leaseMs, any)
  local state, token = stateOf(slot), false
  if state ~= 'gone' then
    local freshMs = slot.fresh - now
    if state == 'stale' then freshMs = min(0, freshMs) end
    if leaseMs > 0 and (state == 'stale' or any) then token = lend(slot, leaseMs) end
    tell(slot)
    return { slot.kind, slot.body, exact(freshMs), exact(slot.kept - now), slot.tags, slot.version, token }
  end
  if leaseMs == 0 then return { 'missing' } end
  token = lend(slot, leaseMs)
  return token and { 'missing', token } or { 'loading' }
end

local operations = {}
function operations.read()
  local leaseMs, any = tonumber(ARGV[7]), ARGV[8] == 'any'
  -- The time, then one answer a key: of a fresh entry that no mark can concern and nobody is to refresh, which most are, what is told of it and its
  -- body, as they are stored; of others a list.
  local answers, held = { exact(now) }, call('MGET', unpack(KEYS, 4))
  local oldest, marked, lends = max(hardAll, softAll), hardTags > 0 or softTags > 0, any and leaseMs > 0
  for index, text in ipairs(held) do
    local answer
    if text and not lends and isOurs(text) then
      local stamp, fresh, tagged = unpackHead('<ddB', text)
      if now < fresh and stamp >= oldest and (tagged == 0 or (not marked and stamp >= forgotten)) then answer = sub(text, toldAt) end
    end
    answers[index + 1] = answer or readSlot(slotOf(KEYS[index + 3]), leaseMs, any)
  end
  return answers
end
function operations.fill()
  local slot, token, entry = slotOf(KEYS[4]), ARGV[7], entryAt(8)
  local stamp = slot.tokenStamp
  if now >= slot.tokenUntil or tokenOf(slot) ~= token then return 'refused' end
  cancel(slot)
  if marksOf(entry.tags, stamp) or isNewer(slot, entry) then return 'refused' end
  put(slot.key, entry, stamp)
  return 'stored'
end
function operations.abandon()
  local slot = slotOf(KEYS[4])
  if slot.tokenUntil == 0 or tokenOf(slot) ~= ARGV[7] then return 'kept' end
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
  cancel(slot)
  if slot.kept == 0 then return end
  if olderThan ~= '' then
    tell(slot)
    local version = tonumber(slot.version)
    if version and version >= tonumber(olderThan) then return end
  end
  if hard then
    call('DEL', key)
  elseif slot.fresh > now then
    tell(slot)
    slot.fresh, slot.kept = now, min(slot.kept, now + slot.kept - slot.fresh)
    call('SET', key, textOf(slot), 'KEEPTTL')
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
