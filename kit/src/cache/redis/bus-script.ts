import { redisScript, type RedisScript } from "../../drivers/redis/mod.ts";

// Numbers go on from the microsecond in which the count began. When the server loses the count, or may have lost the end of it (a new life of the
// server), it begins anew there, so that nobody takes a later message for the one that follows the last one heard.
//
// KEYS: the count. ARGV: "known" or "new"; channel; message, or "" to be told the number of the last one.
const text = `
redis.replicate_commands()
local last = redis.call('GET', KEYS[1])
local monthMs = 2592000000
if ARGV[1] == 'new' or not last then
  local time = redis.call('TIME')
  last = string.format('%.0f', math.max(time[1] * 1000000 + time[2], tonumber(last or 0) + 1))
  redis.call('SET', KEYS[1], last, 'PX', monthMs)
end
if ARGV[3] == '' then return last end
local number = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], monthMs)
last = string.format('%.0f', number)
redis.call('PUBLISH', ARGV[2], last .. ' ' .. ARGV[3])
return last
`;

/** Numbers a message and publishes it, or tells the last number. */
export const busScript: RedisScript = redisScript(text);
