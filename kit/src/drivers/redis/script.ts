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
  /** In place of `values` when the server does not know the script: it has been started since, has become the primary, or was flushed. Whatever runs
   *  a script for the first time in a server's life can so be made to say that it does. */
  readonly valuesWhenUnknown?: readonly RedisWord[];
}

/** Made once, at the start of a program. */
export function redisScript(text: string): RedisScript {
  return { text, sha: scriptName(text) };
}

/** Runs scripts by their names. One that the server does not know (any more) goes along whole, once; what else was sent meanwhile follows by name. */
export class ScriptRunner {
  readonly #link: RedisLink;
  readonly #loading = new Map<string, Promise<unknown>>();

  constructor(link: RedisLink) {
    this.#link = link;
  }

  run(script: RedisScript, call: ScriptCall): Promise<RedisReply> {
    return this.#byName(script, call).catch((error: unknown) => {
      if (!isUnknown(error)) throw error;
      const loading = this.#loading.get(script.sha);
      return loading === undefined ? this.#load(script, call) : this.#behind(loading, script, call);
    });
  }

  #byName({ sha }: RedisScript, call: ScriptCall): Promise<RedisReply> {
    return this.#link.send(["EVALSHA", sha, String(call.keys.length), ...call.keys, ...call.values], call);
  }

  #whole({ text }: RedisScript, call: ScriptCall): Promise<RedisReply> {
    const values = call.valuesWhenUnknown ?? call.values;
    return this.#link.send(["EVAL", text, String(call.keys.length), ...call.keys, ...values], call);
  }

  async #load(script: RedisScript, call: ScriptCall): Promise<RedisReply> {
    const loading = this.#whole(script, call);
    this.#loading.set(script.sha, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(script.sha);
    }
  }

  async #behind(loading: Promise<unknown>, script: RedisScript, call: ScriptCall): Promise<RedisReply> {
    await loading.catch(() => undefined);
    return this.#byName(script, call).catch((error: unknown) => {
      if (isUnknown(error)) return this.#whole(script, call);
      throw error;
    });
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof RedisError && error.reply === "NOSCRIPT";
}
