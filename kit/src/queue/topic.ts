import type { Codec } from "../codec/mod.ts";
import { textOf } from "../errors/mod.ts";
import type { CellEngine, Change, CommitResult, Committer, Enqueue } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";
import { newMessage } from "./add-options.ts";
import { queue, type QueueDefinition, type QueueOptions } from "./definition.ts";
import {
  queueOf,
  type Registry,
  registryOf,
  registryText,
  type Subscription,
  withSubscription,
} from "./topic-registry.ts";
import { accepted, openQueue, type Queue, type QueueEngine } from "./queue.ts";

/** What a topic carries. */
export interface TopicOptions<T> {
  /** Checks what is published. */
  readonly input?: StandardSchema<unknown, T> | undefined;
  readonly codec?: Codec<T> | undefined;
  /** Every subscription gets the messages of one key in the order of their publishing. */
  readonly key?: ((input: T) => string | undefined) | undefined;
}

/** A topic as a plain value. */
export interface TopicDefinition<T> extends TopicOptions<T> {
  readonly name: string;
}

/** How a subscription handles its copies; as for a queue, whose input and key are the topic's. */
export type SubscriptionOptions<T> = Omit<QueueOptions<T>, "input" | "codec" | "key">;

/** What goes with a message, and in which commit. */
export interface PublishOptions {
  /** The commit it becomes part of. Default: a commit of its own. */
  readonly in?: Committer | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Each subscription gets one copy of what is published under the same key while it is remembered. */
  readonly dedup?: { readonly key: string; readonly forMs: number } | undefined;
}

/** A topic keeps its list of subscriptions in a cell. */
export type TopicEngine<Sql = unknown> = QueueEngine<Sql> & CellEngine;

/** Which topic, and where. */
export interface OpenTopicOptions<T, Sql> {
  readonly engine: TopicEngine<Sql>;
  readonly topic: TopicDefinition<T>;
  /** Jitter of the subscriptions' retries. Default: the system's. */
  readonly random?: Random | undefined;
}

/** Publish-subscribe on queues. Every subscription gets its own copy, also while nobody works on it. */
export interface Topic<T, Sql = unknown> {
  /** Hands a copy to every subscription there is, all or none. Resolves with the number of copies.
   *  Throws ValidationError, and QueueFullError when one subscription is full: the slowest one sets the pace, nothing is dropped. */
  publish(input: T, options?: PublishOptions): Promise<number>;
  /** The changes that publish these inputs, for a commit of the caller's own; call it once a commit, with all its inputs.
   *  They contain a check of the registry: when a subscription appears or goes before the commit, it is refused as
   *  `cell-conflict`, and changes made anew pass. */
  changes(inputs: readonly T[], options?: Pick<PublishOptions, "headers">): Promise<readonly Change[]>;
  /** The queue of a subscription; registered on first use, and from then on durable. What is published later will be in it.
   *  At most 1000 a topic.
   *  Registering again with other limits changes them. */
  subscribe(subscription: string, options?: SubscriptionOptions<T>): Promise<Queue<T, unknown, Sql>>;
  /** Ends a subscription. What it has not handled yet is discarded, except what is running. */
  unsubscribe(subscription: string): Promise<void>;
  subscriptions(): Promise<readonly string[]>;
}

/** Defines a topic. `name`: 1 to 60 characters. Throws {@link ConfigError}. */
export function topic<T>(name: string, options: TopicOptions<T> = {}): TopicDefinition<T> {
  return { ...options, name: textOf("name", name, { lengthMax: 60 }) };
}

/** Opens a topic on an engine. */
export async function openTopic<T, Sql = unknown>(options: OpenTopicOptions<T, Sql>): Promise<Topic<T, Sql>> {
  return new EngineTopic(options);
}

// Each try loses only against another registration, which is rare; more in a row mean that something is wrong.
const triesMax = 100;
const discardPage = 500;

class EngineTopic<T, Sql> implements Topic<T, Sql> {
  readonly #engine: TopicEngine<Sql>;
  readonly #topic: TopicDefinition<T>;
  readonly #carrier: QueueDefinition<T>;
  readonly #random: Random | undefined;
  readonly #cell: { readonly space: "topics"; readonly key: string };
  /** Last seen registry. It may be old: the check in each publish finds out. */
  #known: Registry | undefined;

  constructor(options: OpenTopicOptions<T, Sql>) {
    const { name, ...rules } = options.topic;
    this.#engine = options.engine;
    this.#topic = options.topic;
    this.#random = options.random;
    this.#carrier = queue(`topic ${name}`, rules);
    this.#cell = { space: "topics", key: name };
  }

  async publish(input: T, options: PublishOptions = {}): Promise<number> {
    const committer = options.in ?? this.#engine;
    for (let tries = 1; ; tries++) {
      const changes = await this.#copies([input], options);
      const result = await committer.commit(changes);
      if (!isStale(result) || tries >= triesMax) return accepted(result).outcomes.length - 1;
      this.#known = undefined;
    }
  }

  async changes(inputs: readonly T[], options: Pick<PublishOptions, "headers"> = {}): Promise<readonly Change[]> {
    // Nobody tells us when they are refused, so they are made from what is there now.
    this.#known = undefined;
    return this.#copies(inputs, options);
  }

  async #copies(inputs: readonly T[], options: PublishOptions): Promise<readonly Change[]> {
    const { version, subscriptions } = await this.#registry();
    const { headers, dedup } = options;
    const messages = inputs.map((input) => newMessage(this.#carrier, input, { headers, dedup }));
    const copies = subscriptions.map(({ queue, lane, keyConcurrency, depthMax }): Enqueue => {
      const copied = lane === 0 ? messages : messages.map((message) => ({ ...message, lane }));
      return { op: "enqueue", queue, messages: copied, keyConcurrency, depthMax };
    });
    return [{ op: "check", cell: this.#cell, expect: version }, ...copies];
  }

  async subscribe(name: string, options: SubscriptionOptions<T> = {}): Promise<Queue<T, unknown, Sql>> {
    const { input, codec, key } = this.#topic;
    const queueName = queueOf(this.#topic.name, textOf("subscription", name, { lengthMax: 40 }));
    const definition = queue<T>(queueName, { ...options, input, codec, key });
    const opened = await openQueue({ engine: this.#engine, queue: definition, random: this.#random });
    const { keyConcurrency, depthMax, lane } = definition;
    const wanted: Subscription = { name, queue: queueName, keyConcurrency, depthMax, lane };
    await this.#update((subscriptions) => withSubscription(subscriptions, wanted));
    return opened;
  }

  async unsubscribe(name: string): Promise<void> {
    await this.#update((subscriptions) => subscriptions.filter((other) => other.name !== name));
    const queueName = queueOf(this.#topic.name, name);
    for (let after: string | undefined; ;) {
      const ids: string[] = [];
      const page = { kind: "messages", queue: queueName, after, limit: discardPage } as const;
      for await (const message of this.#engine.scan(page)) ids.push(message.id);
      if (ids.length === 0) return;
      accepted(await this.#engine.commit([{ op: "discard", queue: queueName, ids }]));
      after = ids.at(-1);
    }
  }

  async subscriptions(): Promise<readonly string[]> {
    this.#known = undefined;
    const { subscriptions } = await this.#registry();
    return subscriptions.map(({ name }) => name);
  }

  async #update(change: (subscriptions: readonly Subscription[]) => readonly Subscription[]): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.#known = undefined;
      const { version, subscriptions } = await this.#registry();
      const changed = change(subscriptions);
      if (registryText(changed) === registryText(subscriptions)) return;
      const value = registryText(changed);
      const result = await this.#engine.commit([{ op: "put", cell: this.#cell, expect: version, value }]);
      this.#known = undefined;
      if (result.committed) return;
      if (!isStale(result) || tries >= triesMax) accepted(result);
    }
  }

  async #registry(): Promise<Registry> {
    if (this.#known === undefined) {
      const [cell] = await this.#engine.get([this.#cell]);
      this.#known = registryOf(cell);
    }
    return this.#known;
  }
}

function isStale(result: CommitResult): boolean {
  return !result.committed && result.refusal.kind === "cell-conflict";
}
