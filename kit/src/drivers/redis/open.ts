import { DisposedError, integerIn } from "../../errors/mod.ts";
import { Link, type RedisLink, type SendOptions } from "./link.ts";
import { resolveRedis, type RedisOptions, type ResolvedRedis } from "./options.ts";
import { ScriptRunner, type RedisScript, type ScriptCall } from "./script.ts";
import { factQuestions, readFacts, type RedisFacts } from "./server-facts.ts";
import { Subscription, type Heard, type RedisSubscription } from "./subscription.ts";
import type { RedisReply, RedisWord } from "./wire-client.ts";

/** Whether the server answers, how fast, and what it says of itself now. */
export interface RedisHealth {
  readonly status: "up" | "down";
  readonly latencyMs: number | undefined;
  /** Commands that wait for a connection or an answer. */
  readonly commandsInHand: number;
  readonly facts: RedisFacts | undefined;
  /** Why it is down: not reached, or a replica by now. */
  readonly reason: string | undefined;
}

/** One Redis server, opened. */
export interface RedisDatabase extends RedisLink {
  /** Of the connection that was made last. */
  readonly facts: RedisFacts;
  /** Runs a script by its name, and loads it where the server does not know it (any more). */
  run(script: RedisScript, call: ScriptCall): Promise<RedisReply>;
  /** Hears channels on a connection of its own, across lost connections, until disposed. Resolves once they are heard; rejects with RedisError
   *  when that takes longer than `connectMaxMs`, or is refused. */
  subscribe(channels: readonly string[], heard: Heard): Promise<RedisSubscription>;
  /** A connection for commands that wait on the server, each for at most `waitMaxMs`, and for one user, because others would wait behind. When it is
   *  disposed while one waits, the connection is cut. */
  ownConnection(options: { readonly waitMaxMs: number }): RedisLink;
  health(): Promise<RedisHealth>;
}

/** Connects. Throws ConfigError, UnsupportedError (no client library, cluster), RedisError. */
export async function openRedis(options: RedisOptions): Promise<RedisDatabase> {
  const resolved = resolveRedis(options);
  const link = new Link(resolved);
  try {
    const { facts } = await link.connect();
    return new Database(resolved, link, facts);
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

class Database implements RedisDatabase {
  readonly #resolved: ResolvedRedis;
  readonly #link: Link;
  readonly #scripts: ScriptRunner;
  readonly #held = new Set<AsyncDisposable>();
  #facts: RedisFacts;
  #closing: Promise<void> | undefined;

  constructor(resolved: ResolvedRedis, link: Link, facts: RedisFacts) {
    this.#resolved = resolved;
    this.#link = link;
    this.#scripts = new ScriptRunner(link);
    this.#facts = facts;
  }

  get facts(): RedisFacts {
    this.#facts = this.#link.facts ?? this.#facts;
    return this.#facts;
  }

  send(words: readonly RedisWord[], options?: SendOptions): Promise<RedisReply> {
    return this.#link.send(words, options);
  }

  run(script: RedisScript, call: ScriptCall): Promise<RedisReply> {
    return this.#scripts.run(script, call);
  }

  async subscribe(channels: readonly string[], heard: Heard): Promise<RedisSubscription> {
    if (this.#closing !== undefined) throw new DisposedError("the Redis database");
    integerIn("channels.length", channels.length, { min: 1, max: 10_000 });
    const closed = (ended: Subscription): void => void this.#held.delete(ended);
    const subscription = new Subscription(this.#resolved, { channels, heard, closed });
    this.#held.add(subscription);
    try {
      await subscription.first;
    } catch (error) {
      await subscription[Symbol.asyncDispose]();
      throw error;
    }
    return subscription;
  }

  ownConnection({ waitMaxMs }: { readonly waitMaxMs: number }): RedisLink {
    if (this.#closing !== undefined) throw new DisposedError("the Redis database");
    integerIn("waitMaxMs", waitMaxMs, { min: 0, max: 3_600_000 });
    const link = new Link({ ...this.#resolved, answerMaxMs: this.#resolved.answerMaxMs + waitMaxMs });
    const held: RedisLink = {
      send: (words, options) => link.send(words, options),
      [Symbol.asyncDispose]: async () => {
        this.#held.delete(held);
        link.drop();
        await link[Symbol.asyncDispose]();
      },
    };
    this.#held.add(held);
    return held;
  }

  async health(): Promise<RedisHealth> {
    const { clock } = this.#resolved;
    const startedMs = clock.monotonic();
    const commandsInHand = this.#link.inHand;
    try {
      const [info, ...settings] = factQuestions.map((question, index) => {
        const answer = this.send(question, { effect: "none" });
        return index === 0 ? answer : answer.catch(() => null);
      });
      const facts = readFacts(await Promise.all([info ?? null, ...settings]));
      const latencyMs = clock.monotonic() - startedMs;
      if (facts.role === "primary") return { status: "up", latencyMs, commandsInHand, facts, reason: undefined };
      return { status: "down", latencyMs, commandsInHand, facts, reason: "the server is a read-only replica" };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { status: "down", latencyMs: undefined, commandsInHand, facts: undefined, reason };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#held].map((held) => held[Symbol.asyncDispose]()));
    await this.#link[Symbol.asyncDispose]();
  }
}
