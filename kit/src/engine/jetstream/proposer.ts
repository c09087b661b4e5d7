import type { Clock } from "../../clock/mod.ts";
import { isLost, NatsError, OutcomeUnknownError, publish } from "../../drivers/nats/mod.ts";
import { invariant } from "../../errors/mod.ts";
import type { Random } from "../../random/mod.ts";
import { CallLine, type WaitingCall } from "../call-line.ts";
import { commandHeadBytes, commandText, formatVersion } from "./command.ts";
import { storageErrorOf } from "./faults.ts";
import type { Answer } from "./fold.ts";
import type { Fate, Replica, ReplicaPlace } from "./replica.ts";

/** A call that waits for its turn. */
export interface Proposal {
  /** The call as it stands in a command, in JSON. */
  readonly text: string;
  readonly bytes: number;
  /** The queue that a claim asks, for the question whether there is anything to hand out; `undefined` for other calls. */
  readonly claims: string | undefined;
  answer?: Answer;
}

/** What a proposer works with. */
export interface Proposing extends ReplicaPlace {
  readonly replica: Replica;
  readonly clock: Clock;
  readonly random: Random;
  readonly waitingMax: number;
  readonly busyMaxMs: number;
  readonly stateBytesMax: () => number;
  /** Resolves once everything that was acknowledged before the call is carried out here. */
  readonly caughtUp: () => Promise<void>;
  /** Makes room in the stream; `false` when there was nothing to remove. */
  readonly compact: () => Promise<boolean>;
  /** After each command of this process. */
  readonly proposed: (calls: number) => void;
}

const firstPauseMs = 20;
const pauseMaxMs = 500;
// While a stream has no leader nobody answers: what was sent then is sent again soon. Where it was stored all the same, it comes back.
const answerMaxMs = 2_000;

/** Sends what waits in one turn as one command, one after the other, and hands out what became of each call. So the calls of a process take
 *  effect in their order, whatever is lost on the way. */
export class Proposer {
  readonly #place: Proposing;
  readonly #line: CallLine<Proposal>;
  #number = 0;
  #closeByMs = Infinity;

  constructor(place: Proposing) {
    this.#place = place;
    const { clock, waitingMax } = place;
    const portion = (): ((call: Proposal) => boolean) => {
      let room = place.connection.messageBytesMax - commandHeadBytes;
      return ({ bytes }) => (room -= bytes + 1) >= 0;
    };
    this.#line = new CallLine({ clock, waitingMax, groupsMax: 1, portion, carryOut: (group) => this.#carryOut(group) });
  }

  /** Resolves with the answer of the state machine. Rejects with StorageError or OutcomeUnknownError. */
  async propose(call: Proposal): Promise<Answer> {
    await this.#line.submit(call);
    invariant(call.answer !== undefined, "a call that was carried out has an answer");
    return call.answer;
  }

  /** Resolves when nothing waits any more, `busyMaxMs` from now at the latest, or soon after. */
  async close(): Promise<void> {
    this.#closeByMs = this.#place.connection.clock.monotonic() + this.#place.busyMaxMs;
    await this.#line.idle();
  }

  async #carryOut(group: readonly WaitingCall<Proposal>[]): Promise<"done" | "away"> {
    const { connection, busyMaxMs } = this.#place;
    const startedMs = connection.clock.monotonic();
    try {
      await this.#answer(group.map(({ call }) => call));
      for (const { settled } of group) settled.open();
      return "done";
    } catch (error) {
      for (const { settled } of group) settled.fail(error);
      return connection.isConnected && connection.clock.monotonic() - startedMs < busyMaxMs ? "done" : "away";
    }
  }

  async #answer(calls: readonly Proposal[]): Promise<void> {
    if (await this.#areIdle(calls)) {
      for (const call of calls) call.answer = this.#emptyClaim(call.claims);
      return;
    }
    const fate = await this.#send(calls);
    if (fate.kind === "unknown") throw new OutcomeUnknownError("a command that this process fell behind");
    for (const [index, call] of calls.entries()) call.answer = fate.answers[index] ?? { kind: "done" };
    this.#place.proposed(calls.length);
  }

  /** Whether all are claims of queues that have nothing to hand out: then nobody has to write that down. */
  async #areIdle(group: readonly Proposal[]): Promise<boolean> {
    // From time to time a command has to tell what the server's clock says.
    if (this.#place.serverClock?.isStale === true || !this.#nothingToClaim(group)) return false;
    await this.#place.caughtUp();
    return this.#nothingToClaim(group);
  }

  #nothingToClaim(group: readonly Proposal[]): boolean {
    const { replica, clock } = this.#place;
    const nowMs = clock.now();
    return group.every(({ claims }) => claims !== undefined && replica.fold.isIdle(claims, nowMs));
  }

  #emptyClaim(queue: string | undefined): Answer {
    const known = queue === undefined ? undefined : this.#place.replica.fold.state.queues.get(queue);
    return { kind: "claim", result: { claims: [], nextDueAtMs: known?.nextDueAtMs() } };
  }

  async #send(group: readonly Proposal[]): Promise<Fate> {
    const { replica } = this.#place;
    const number = ++this.#number;
    const fate = replica.fateOf(number);
    fate.catch(() => undefined);
    try {
      return await this.#sendUntilKnown(this.#textOf(group, number), number, fate);
    } finally {
      replica.forgetOwn();
    }
  }

  /** The same number again and again: the state machine counts it once, and never after a later one. */
  async #sendUntilKnown(data: string, number: number, fate: Promise<Fate>): Promise<Fate> {
    const { connection, busyMaxMs, random } = this.#place;
    const untilMs = Math.min(this.#closeByMs, connection.clock.monotonic() + busyMaxMs);
    const doubt: Doubt = { sent: "never", compacted: "no" };
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      const leftMs = untilMs - connection.clock.monotonic();
      const result = await this.#attempt({ data, number, fate, leftMs });
      if ("kind" in result) return result;
      await this.#judge(result.error, doubt, untilMs - connection.clock.monotonic());
      const known = await Promise.race([fate, connection.clock.sleep(pauseMs * (0.5 + random.next() / 2))]);
      if (known !== undefined) return known;
    }
  }

  async #attempt(attempt: Attempt): Promise<Fate | { readonly error: unknown }> {
    const { connection, names, proposer } = this.#place;
    const { data, number, fate, leftMs } = attempt;
    const stored = publish(connection, {
      subject: names.commandSubject,
      data,
      id: `${proposer}-${number}`,
      effect: "writes",
      withinMs: answerMaxMs,
    });
    stored.catch(() => undefined);
    try {
      // It may come back before the answer does, and then it is known what became of it.
      const first = await Promise.race([fate, stored]);
      if ("kind" in first) return first;
      await this.#place.replica.until(first.sequence, leftMs);
      return await Promise.race([fate, passed()]);
    } catch (error) {
      return { error };
    }
  }

  /** Throws when another attempt is of no use, or too late. */
  async #judge(error: unknown, doubt: Doubt, leftMs: number): Promise<void> {
    const { replica, compact } = this.#place;
    if (replica.fault !== undefined) throw replica.fault;
    if (error instanceof NatsError && error.reason === "full" && doubt.compacted === "no") {
      doubt.compacted = "yes";
      if (await madeRoom(compact)) return;
    }
    const isUnknown = error instanceof OutcomeUnknownError || isTimeout(error);
    if (isUnknown) doubt.sent = "perhaps";
    if (leftMs > 0 && (isUnknown || isLost(error))) return;
    if (doubt.sent === "perhaps") throw new OutcomeUnknownError("a command of the engine", { cause: error });
    throw storageErrorOf(error);
  }

  #textOf(group: readonly Proposal[], number: number): string {
    const { proposer, stateBytesMax, serverClock, clock } = this.#place;
    const head = {
      version: formatVersion,
      proposer,
      number,
      stateBytesMax: stateBytesMax(),
      ...(serverClock === undefined ? { atMs: clock.now() } : {}),
    };
    return commandText(
      head,
      group.map(({ text }) => text),
    );
  }
}

interface Attempt {
  readonly data: string;
  readonly number: number;
  readonly fate: Promise<Fate>;
  readonly leftMs: number;
}

/** What is not known of a command yet. */
interface Doubt {
  sent: "never" | "perhaps";
  compacted: "no" | "yes";
}

async function madeRoom(compact: () => Promise<boolean>): Promise<boolean> {
  try {
    return await compact();
  } catch {
    // The first fault says more.
    return false;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "TIMEOUT";
}

/** The command was carried out as one that this process does not wait for: another one of it has overtaken this copy. */
async function passed(): Promise<Fate> {
  // The fate is settled in the same turn in which the sequence is reached.
  await Promise.resolve();
  return { kind: "unknown" };
}
