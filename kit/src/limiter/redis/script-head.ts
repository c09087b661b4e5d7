// What every script of the store begins with.
//
// KEYS: the store's time; the state of each slot; then, for each slot whose rule keeps entries, their ends and their weights.
// ARGV: [time to go by in place of the server's or false, milliseconds that keys outlive what they say, [number of rules, number of slots, the figures of
// each rule, the rule of each slot], calls as ../server-batch.ts writes them].
// Answer, in doubles: the time; what each slot held (3); and what the script itself adds.
export const scriptHead: string = `
redis.replicate_commands()
local timeUs, slackMs, plan, calls = unpack(cjson.decode(ARGV[1]))
local max, min, floor, ceil = math.max, math.min, math.floor, math.ceil
local pack, read = struct.pack, struct.unpack

local ruleCount, slotCount = plan[1], plan[2]
local held = redis.call('MGET', unpack(KEYS, 1, slotCount + 1))

-- The store's time: that of the machine, plus what it was ahead when the machine's stepped back by more than a second.
local now
if timeUs then
  now = timeUs
else
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local ahead, stepped = 0, false
if held[1] then
  local last
  last, ahead = read('<dd', held[1])
  now = now + ahead
  if now < last then
    stepped = last - now > 1000000
    if stepped then ahead = ahead + last - now end
    now = last
  end
end
local stamped = false
-- Before the first write: when the server has no memory for it, nothing has happened.
local function stamp()
  if stamped then return end
  stamped = true
  redis.call('SET', KEYS[1], pack('<dd', now, ahead))
end
if stepped then stamp() end

-- What a key without a state is told as.
local empty = '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'
-- Keys live until they say nothing any more. The cap is a hundred years: more than the server can count may follow from a rule.
local function lifeMs(idleAt) return min(ceil((idleAt - now) / 1000) + slackMs, 3155760000000) end
`;
