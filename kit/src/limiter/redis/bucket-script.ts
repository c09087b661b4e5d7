import { redisScript, type RedisScript } from "../../drivers/redis/mod.ts";
import { scriptHead } from "./script-head.ts";

// The script of ./script.ts for batches of nothing but takes and peeks of one bucket each, which most are: it decides and keeps the same, in two thirds of
// the time, because it makes no table a rule and a key and no function a kind.
const text = `
${scriptHead}
local call = redis.call
local levels, times, shifts, drains = {}, {}, {}, {}
local answer = { pack('<d', now) }
for slot = 1, slotCount do
  local state = held[slot + 1]
  if state then
    levels[slot], times[slot], shifts[slot] = read('<ddd', state)
  else
    levels[slot], times[slot], shifts[slot] = 0, 0, 0
  end
  drains[slot] = false
  answer[slot + 1] = state or empty
end

local ruleOfSlot = 2 + 6 * ruleCount
for at = 1, #calls, 7 do
  if calls[at] == 1 then
    local slot, cost, weight = calls[at + 4], calls[at + 5], calls[at + 6]
    local rule = 6 * plan[ruleOfSlot + slot]
    local burst, drain, fill = plan[rule], plan[rule + 1], plan[rule + 2]
    local drained = max(0, now - times[slot]) * drain
    local level = max(0, levels[slot] - drained)
    local excess = (min(weight, burst) - burst) * fill
    if cost <= burst and level + excess <= 0 then
      if drained >= levels[slot] + shifts[slot] then shifts[slot] = 0 end
      local step = weight * fill
      local count = calls[at + 1]
      if count > 1 and step % 1 == 0 and level % 1 == 0 and excess % 1 == 0 and level + count * step <= 9007199254740991 then
        -- Sums of whole numbers are exact in any order.
        level = level + min(count, floor(-(level + excess) / step) + 1) * step
      else
        for _ = 1, count do
          if level + excess > 0 then break end
          level = level + step
        end
      end
      levels[slot], times[slot], drains[slot] = level, now, drain
    end
  end
end

for slot = 1, slotCount do
  local drain = drains[slot]
  if drain then
    stamp()
    local idleAt = now + ceil((levels[slot] + shifts[slot]) / drain)
    call('SET', KEYS[slot + 1], pack('<ddd', levels[slot], now, shifts[slot]), 'PX', lifeMs(idleAt))
  end
end
return table.concat(answer)
`;

/** Decides a batch of takes and peeks of one bucket each. */
export const bucketScript: RedisScript = redisScript(text);
