import { scriptName } from "./checksum-system.ts";
import type { RedisLink, SendOptions } from "./link.ts";
import { RedisError } from "./redis-error.ts";
import type { RedisReply, RedisWord } from "./wire-client.ts";

/** A script in Lua, which the server runs without anything in between. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** What a script is called with. */
export interface ScriptCall extends SendOptions {
  readonly keys: readonly string[];
  readonly values: readonly RedisWord[];
}

/** Made once, at the start of a program. */
export function redisScript(text: string): RedisScript {
  return { text, sha: scriptName(text) };
}

/** Runs a script by its name; one that the server does not know (any more) goes along whole, once. */
export function runScript(link: RedisLink, script: RedisScript, call: ScriptCall): Promise<RedisReply> {
  const { keys, values } = call;
  const rest = [String(keys.length), ...keys, ...values];
  return link.send(["EVALSHA", script.sha, ...rest], call).catch((error: unknown) => {
    if (!(error instanceof RedisError) || error.reply !== "NOSCRIPT") throw error;
    return link.send(["EVAL", script.text, ...rest], call);
  });
}
