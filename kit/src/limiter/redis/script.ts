import { redisScript, type RedisScript } from "../../drivers/redis/mod.ts";
import { scriptHead } from "./script-head.ts";

// The other half of this script is ../server-replay.ts: the server decides and keeps what the keys hold, the client works out from what they held before
// what a caller is told. Both do the same sums in the same order on the same doubles, so they cannot differ.
//
// To the answer it adds, in doubles, what was found of each entry rule of each take (3: wait, total, end of the last); 1 or 0 for each renewal.
const text = `
${scriptHead}-- Token bucket and leaky bucket: level, its time, shift.
local bucket = {}
function bucket.fits(slot, cost, weight)
  local rule = slot.rule
  if cost > rule.burst then return false end
  local level = max(0, slot[1] - max(0, now - slot[2]) * rule.drain)
  return level + (min(weight, rule.burst) - rule.burst) * rule.fill <= 0
end
function bucket.take(slot, weight)
  local drained = max(0, now - slot[2]) * slot.rule.drain
  if drained >= slot[1] + slot[3] then slot[3] = 0 end
  slot[1] = max(0, slot[1] - drained) + weight * slot.rule.fill
  slot[2] = now
end
function bucket.giveBack(slot, weight, at, level, shift)
  local rule = slot.rule
  local present = max(0, slot[1] - max(0, now - slot[2]) * rule.drain)
  local drained = max(0, now - at) * rule.drain
  local gaps = slot[3] - shift
  local mark = level - drained - gaps
  local returned = min(weight * rule.fill, mark, present)
  if returned <= 0 then return end
  slot[1] = present - returned
  slot[2] = now
  if not (gaps == 0 and mark == present) then slot[3] = slot[3] + returned end
end
function bucket.idleAt(slot)
  local kept = slot[1] + slot[3]
  if kept == 0 then return 0 end
  return slot[2] + ceil(kept / slot.rule.drain)
end

-- Fixed window: its start, permits taken in it.
local fixed = {}
local function startOf(time, rule) return floor(time / rule.window) * rule.window end
local function takenIn(slot) if slot[1] == startOf(now, slot.rule) then return slot[2] end return 0 end
function fixed.fits(slot, cost, weight)
  local limit = slot.rule.limit
  return cost <= limit and takenIn(slot) + min(weight, limit) <= limit
end
function fixed.take(slot, weight)
  slot[2] = takenIn(slot) + weight
  slot[1] = startOf(now, slot.rule)
end
function fixed.giveBack(slot, weight, at)
  local start = startOf(now, slot.rule)
  if startOf(at, slot.rule) == start and slot[1] == start then slot[2] = max(0, slot[2] - weight) end
end
function fixed.idleAt(slot)
  if slot[2] == 0 then return 0 end
  return slot[1] + slot.rule.window
end

-- Sliding window: its start, permits taken in it, permits taken in the one before.
local sliding = {}
local function previousOf(slot)
  local ago = (startOf(now, slot.rule) - slot[1]) / slot.rule.window
  if ago == 0 then return slot[3] end
  if ago == 1 then return slot[2] end
  return 0
end
function sliding.fits(slot, cost, weight)
  local rule = slot.rule
  if cost > rule.limit then return false end
  local left = startOf(now, rule) + rule.window - now
  return previousOf(slot) * left <= (rule.limit - min(weight, rule.limit) - takenIn(slot)) * rule.window
end
function sliding.take(slot, weight)
  local current = takenIn(slot) + weight
  slot[3] = previousOf(slot)
  slot[2] = current
  slot[1] = startOf(now, slot.rule)
end
function sliding.giveBack(slot, weight, at)
  local ago = (slot[1] - startOf(at, slot.rule)) / slot.rule.window
  if ago == 0 or ago == 1 then slot[2 + ago] = max(0, slot[2 + ago] - weight) end
end
function sliding.idleAt(slot)
  if slot[2] > 0 then return slot[1] + 2 * slot.rule.window end
  if slot[3] > 0 then return slot[1] + slot.rule.window end
  return 0
end

-- Sliding log and concurrency: permits are entries that end. State: what the weights are beyond 1 each, end of the last.
local function weightsOf(slot, ids)
  local weights = {}
  for from = 1, #ids, 1000 do
    for _, more in ipairs(redis.call('HMGET', slot.weights, unpack(ids, from, min(#ids, from + 999)))) do
      weights[#weights + 1] = 1 + (tonumber(more or 0) or 0)
    end
  end
  return weights
end
local function dropEnded(slot)
  if slot.count then return end
  slot.count = 0
  if not slot.known then return end
  local until_ = string.format('%.17g', now)
  if slot[1] ~= 0 then
    local ended = redis.call('ZRANGEBYSCORE', slot.ends, '-inf', until_)
    for _, weight in ipairs(weightsOf(slot, ended)) do slot[1] = slot[1] - (weight - 1) end
    for _, id in ipairs(ended) do redis.call('HDEL', slot.weights, id) end
  end
  if redis.call('ZREMRANGEBYSCORE', slot.ends, '-inf', until_) > 0 then slot.changed = true end
  slot.count = redis.call('ZCARD', slot.ends)
  if slot.count == 0 then slot[1] = 0 end
end
local function endOf(slot, weight)
  if slot[1] == 0 then
    local rank = ceil(weight) - 1
    return tonumber(redis.call('ZRANGE', slot.ends, rank, rank, 'WITHSCORES')[2] or slot[2])
  end
  local found = redis.call('ZRANGE', slot.ends, 0, ceil(weight) - 1, 'WITHSCORES')
  local ids = {}
  for at = 1, #found, 2 do ids[#ids + 1] = found[at] end
  local ended = 0
  for at, each in ipairs(weightsOf(slot, ids)) do
    ended = ended + each
    if ended >= weight then return tonumber(found[at * 2]) end
  end
  return slot[2]
end
local entries = {}
function entries.wait(slot, weight)
  dropEnded(slot)
  local excess = slot.count + slot[1] + min(weight, slot.rule.limit) - slot.rule.limit
  if excess <= 0 then return 0 end
  return endOf(slot, excess) - now
end
function entries.take(slot, weight, id)
  stamp()
  slot[2] = now + slot.rule.window
  redis.call('ZADD', slot.ends, string.format('%.17g', slot[2]), id)
  if weight ~= 1 then
    redis.call('HSET', slot.weights, id, string.format('%.17g', weight - 1))
    slot[1] = slot[1] + weight - 1
  end
  slot.count = slot.count + 1
end
function entries.remove(slot, id)
  dropEnded(slot)
  if redis.call('ZREM', slot.ends, id) == 0 then return nil end
  local weight = 1
  if slot[1] ~= 0 then
    weight = weightsOf(slot, {id})[1]
    redis.call('HDEL', slot.weights, id)
  end
  slot[1] = slot[1] - (weight - 1)
  slot.count = slot.count - 1
  if slot.count == 0 then slot[1] = 0 end
  slot.changed = true
  return weight
end

local kinds = { bucket, fixed, sliding, entries }
local rules, at = {}, 3
for index = 1, ruleCount do
  rules[index] = { kind = kinds[plan[at]], limit = plan[at + 1], window = plan[at + 2], burst = plan[at + 3],
    drain = plan[at + 4], fill = plan[at + 5] }
  at = at + 6
end
local slots, answer, nextKey = {}, { false }, slotCount + 2
for index = 1, slotCount do
  local state = held[index + 1]
  local slot = { 0, 0, 0, rule = rules[plan[at]], key = KEYS[index + 1], known = state }
  if state then slot[1], slot[2], slot[3] = read('<ddd', state) end
  if slot.rule.kind == entries then
    slot.ends, slot.weights, nextKey = KEYS[nextKey], KEYS[nextKey + 1], nextKey + 2
  end
  slots[index] = slot
  answer[index + 1] = state or empty
  at = at + 1
end

-- Places of the current call: slot, cost, weight.
local function fitsAll(from, count, waits)
  local all = true
  for place = from, from + 3 * (count - 1), 3 do
    local slot, cost, weight = slots[calls[place]], calls[place + 1], calls[place + 2]
    if slot.rule.kind == entries then
      local wait = entries.wait(slot, weight)
      waits[place] = wait
      if wait > 0 or cost > slot.rule.limit then all = false end
    elseif all and not slot.rule.kind.fits(slot, cost, weight) then
      all = false
    end
  end
  return all
end
local function takeAll(from, count, id)
  for place = from, from + 3 * (count - 1), 3 do
    local slot = slots[calls[place]]
    slot.rule.kind.take(slot, calls[place + 2], id)
    slot.changed = true
  end
end
-- Equal takes of one key: the same sums as one by one, without what only several keys need.
local function takeAlike(slot, cost, weight, times)
  local fits, take = slot.rule.kind.fits, slot.rule.kind.take
  for _ = 1, times do
    if not fits(slot, cost, weight) then return end
    take(slot, weight)
    slot.changed = true
  end
end
local function tell(from, count, waits)
  for place = from, from + 3 * (count - 1), 3 do
    if waits[place] then
      local slot = slots[calls[place]]
      answer[#answer + 1] = pack('<ddd', waits[place], slot.count + slot[1], slot[2])
    end
  end
end

at = 1
while at <= #calls do
  local op, times, count, id = calls[at], calls[at + 1], calls[at + 2], calls[at + 3]
  local from = at + 4
  if op <= 1 then
    if count == 1 and slots[calls[from]].rule.kind ~= entries then
      takeAlike(slots[calls[from]], calls[from + 1], calls[from + 2], op == 1 and times or 0)
    else
      for _ = 1, times do
        local waits = {}
        local fits = fitsAll(from, count, waits)
        if fits and op == 1 then takeAll(from, count, id) end
        tell(from, count, waits)
        -- Equal ones behind it fare no better.
        if not fits then break end
      end
    end
    at = from + 3 * count
  elseif op == 2 then
    for place = from, from + 6 * (count - 1), 6 do
      local slot = slots[calls[place]]
      if slot.known or slot.changed then
        if slot.rule.kind == entries then
          entries.remove(slot, calls[place + 1])
        else
          slot.rule.kind.giveBack(slot, calls[place + 2], calls[place + 3], calls[place + 4], calls[place + 5])
          slot.changed = true
        end
      end
    end
    at = from + 6 * count
  else
    local all = 1
    for place = from, from + count - 1 do
      local slot = slots[calls[place]]
      local weight = entries.remove(slot, id)
      if weight then entries.take(slot, weight, id) slot.changed = true else all = 0 end
    end
    answer[#answer + 1] = pack('<d', all)
    at = from + count
  end
end

for index = 1, slotCount do
  local slot = slots[index]
  if slot.changed then
    stamp()
    if slot.rule.kind == entries then
      if slot.count == 0 then
        redis.call('DEL', slot.key, slot.ends, slot.weights)
      else
        local life = lifeMs(slot[2])
        redis.call('SET', slot.key, pack('<ddd', slot[1], slot[2], 0), 'PX', life)
        redis.call('PEXPIRE', slot.ends, life)
        if slot[1] ~= 0 then redis.call('PEXPIRE', slot.weights, life) end
      end
    else
      local idleAt = slot.rule.kind.idleAt(slot)
      if idleAt > now then
        redis.call('SET', slot.key, pack('<ddd', slot[1], slot[2], slot[3]), 'PX', lifeMs(idleAt))
      elseif slot.known then
        redis.call('DEL', slot.key)
      end
    end
  end
end
answer[1] = pack('<d', now)
return table.concat(answer)
`;

/** Decides a batch of calls on the server, all of them without anything in between. */
export const decideScript: RedisScript = redisScript(text);
