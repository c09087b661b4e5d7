import type { Change, Durability } from "../engine/mod.ts";
import { ConfigError, integerIn, textOf } from "../errors/mod.ts";

/** What a choreography does about a message or a timeout: pure data, applied in one commit. */
export interface Reaction<State> {
  /** The instance's new state. */
  readonly state: State;
  /** Messages to send, events to append, whatever else belongs to the same commit. */
  readonly changes?: readonly Change[] | undefined;
  /** Timeouts to set (milliseconds from now, in place of one of the same name) or, with undefined, to call off. */
  readonly timeouts?: Readonly<Record<string, number | undefined>> | undefined;
  /** "yes": the instance is forgotten, with its timeouts. */
  readonly ends?: "yes" | undefined;
}

/** What {@link choreography} is made of. All functions are pure: they may be asked again on conflict. */
export interface ChoreographyOptions<State, Message extends { readonly type: string }> {
  /** State of an instance before its first message. */
  readonly initial: State;
  /** Id of the instance that a message concerns; undefined: none. */
  readonly correlate: (message: Message) => string | undefined;
  /** What to do about each type of message; undefined as the answer, or no entry: nothing. Pure: may be asked again on conflict. */
  readonly on: {
    readonly [Type in Message["type"]]?: (
      state: State,
      message: Extract<Message, { readonly type: Type }>,
    ) => Reaction<State> | undefined;
  };
  /** What to do when a timeout passes that was not called off or set anew. */
  readonly timeouts?: Readonly<Record<string, (state: State) => Reaction<State> | undefined>> | undefined;
  /** How long a handled message's id is remembered. Default 7 days. */
  readonly seenForMs?: number | undefined;
  readonly requires?: Durability | undefined;
}

/** A message-driven saga as a plain value. */
export interface Choreography<State, Message extends { readonly type: string }> {
  readonly name: string;
  readonly initial: State;
  readonly correlate: (message: Message) => string | undefined;
  readonly on: Readonly<Record<string, ((state: State, message: never) => Reaction<State> | undefined) | undefined>>;
  readonly timeouts: Readonly<Record<string, ((state: State) => Reaction<State> | undefined) | undefined>>;
  readonly seenForMs: number;
  readonly requires: Durability | undefined;
}

/**
 * Describes a saga as a table from (state, message) to a reaction, for flows that are driven by events of others rather than by steps
 * of their own. State, inbox entry, timeouts and everything sent are one commit, so that each message takes effect once.
 * Throws {@link ConfigError}.
 */
export function choreography<State, Message extends { readonly type: string }>(
  name: string,
  options: ChoreographyOptions<State, Message>,
): Choreography<State, Message> {
  textOf("name", name, { lengthMax: 100 });
  const { initial, correlate, on, timeouts = {}, requires } = options;
  if (Object.keys(on).length === 0) throw new ConfigError("on", on, "a reaction to at least one type of message");
  const seenForMs = integerIn("seenForMs", options.seenForMs ?? 604_800_000, { min: 1 });
  return { name, initial, correlate, on, timeouts, seenForMs, requires };
}

/** An instance as stored. Every timeout carries the life and the revision in which it was set; any other is a late one. */
export interface Instance<State> {
  /** Drawn for each life of an id: revisions start anew when an instance that has ended comes back. */
  readonly life?: number | undefined;
  readonly revision: number;
  readonly state: State;
  readonly timeouts: Readonly<Record<string, number>>;
}

/** A timeout on its way. */
export interface TimeoutMessage {
  readonly id: string;
  readonly timeout: string;
  readonly life?: number | undefined;
  readonly revision: number;
}

/** The instance after a reaction, and the timeouts to send. Undefined: it has ended. */
export function reacted<State>(
  instance: Instance<State>,
  id: string,
  reaction: Reaction<State>,
): {
  readonly instance: Instance<State> | undefined;
  readonly sent: readonly (TimeoutMessage & { readonly delayMs: number })[];
} {
  if (reaction.ends === "yes") return { instance: undefined, sent: [] };
  const { life } = instance;
  const revision = instance.revision + 1;
  const timeouts: Record<string, number> = { ...instance.timeouts };
  const sent: (TimeoutMessage & { readonly delayMs: number })[] = [];
  for (const [timeout, delayMs] of Object.entries(reaction.timeouts ?? {})) {
    if (delayMs === undefined) {
      delete timeouts[timeout];
      continue;
    }
    timeouts[timeout] = revision;
    sent.push({ id, timeout, life, revision, delayMs });
  }
  return { instance: { life, revision, state: reaction.state, timeouts }, sent };
}
