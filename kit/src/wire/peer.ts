import type { Timer } from "../clock/mod.ts";
import type { TextChannel } from "./channel.ts";
import { WireProtocolError } from "./errors.ts";
import { countOf } from "./fields.ts";
import { Lines } from "./lines.ts";
import { Outbox } from "./outbox.ts";
import type { WireRules } from "./settings.ts";

/** A frame, not yet looked into. */
export type Frame = readonly [kind: string, ...rest: unknown[]];

/** What one side does with what arrives. */
export interface PeerRole {
  /** The peer has said hello. */
  greeted(identity: string): void;
  /** Any frame but hello, ping and pong. Throws {@link WireProtocolError} for what it cannot take. */
  frame(frame: Frame): void;
  /** Once, at the end. */
  closed(reason: string): void;
  drained(): void;
}

/** Last in the frame of a request without a body, for which JSON has no word. */
export const noBody = "no body";

const protocol = "ashlar-wire";
const version = 1;
/** Any refusal fits into so much. */
const frameLeast = 1_024;
const ping = '["p"]\n';
const pong = '["q"]\n';

/**
 * One end of a connection: handshake, frames, liveness and the end. What the frames mean is the role's. A peer that says nothing for
 * `silenceMs` is asked, and taken for gone after as long again.
 */
export class Peer {
  readonly outbox: Outbox;
  readonly #channel: TextChannel;
  readonly #rules: WireRules;
  readonly #role: PeerRole;
  readonly #lines: Lines;
  #state: "greeting" | "open" | "closed" = "greeting";
  #timer: Timer | undefined;
  #frameMax: number;
  #isFinishing = false;
  #heard: "something" | "nothing" | "nothing, asked" = "something";

  constructor(channel: TextChannel, rules: WireRules, role: PeerRole) {
    this.#channel = channel;
    this.#rules = rules;
    this.#role = role;
    this.#frameMax = rules.frameMax;
    this.#lines = new Lines(rules.frameMax);
    this.outbox = new Outbox(channel, rules.clock, rules.waitingMax);
    channel.listen({
      arrived: (text) => this.#arrived(text),
      drained: () => {
        this.outbox.drained();
        // Who takes in what was sent is there, also while nobody listens to him.
        this.#heard = "something";
        this.#endWhenSent();
        role.drained();
      },
      closed: (reason) => this.#end(reason),
    });
    this.#timer = this.#after(rules.handshakeMs, () => this.close("no handshake in time"));
    this.send([protocol, version, rules.identity, rules.frameMax]);
  }

  /** Longest frame that both sides take. */
  get frameMax(): number {
    return this.#frameMax;
  }

  send(frame: Frame): void {
    this.outbox.write(`${JSON.stringify(frame)}\n`);
  }

  /** Sends a frame whose text was made by the caller. */
  sendText(line: string): void {
    this.outbox.write(line);
  }

  /** Closes at once, for a reason. */
  close(reason: string): void {
    // The reason first: destroying tells of an end, too.
    this.#end(reason);
    this.#channel.destroy();
  }

  /** Sends what waits, then closes. */
  finish(): void {
    if (this.#state === "closed") return;
    this.#isFinishing = true;
    this.outbox.flush();
    this.#endWhenSent();
  }

  #endWhenSent(): void {
    if (this.#isFinishing && this.outbox.waiting === 0) this.#channel.end();
  }

  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }

  #arrived(text: string): void {
    this.#heard = "something";
    try {
      for (const line of this.#lines.push(text)) {
        if (this.#state === "closed") return;
        this.#take(frameOf(line));
      }
    } catch (error) {
      if (!(error instanceof WireProtocolError)) throw error;
      this.close(error.message);
    }
  }

  #take(frame: Frame): void {
    if (this.#state === "greeting") this.#greet(frame);
    else if (frame[0] === "p") this.#answerPing();
    else if (frame[0] !== "q") this.#role.frame(frame);
  }

  /** Not to who asks and does not read. */
  #answerPing(): void {
    if (this.outbox.room === "free") this.outbox.write(pong);
  }

  #greet([name, spoken, identity, frameMax]: Frame): void {
    if (name !== protocol) throw new WireProtocolError("the first line is not a greeting of this protocol");
    if (spoken !== version)
      throw new WireProtocolError(`the peer speaks version ${String(spoken)}, this side version ${version}`);
    if (typeof identity !== "string") throw new WireProtocolError("a greeting without a name");
    if (countOf(frameMax) < frameLeast)
      throw new WireProtocolError(`the peer takes frames of ${String(frameMax)} characters, which is too few`);
    this.#frameMax = Math.min(this.#rules.frameMax, countOf(frameMax));
    this.#state = "open";
    this.#timer?.cancel();
    this.#watch();
    this.#role.greeted(identity.slice(0, 255));
  }

  #watch(): void {
    this.#timer = this.#after(this.#rules.silenceMs, () => {
      if (this.#heard === "nothing, asked") return this.close("the peer is silent");
      if (this.#heard === "nothing") {
        this.#heard = "nothing, asked";
        this.outbox.write(ping);
      } else this.#heard = "nothing";
      this.#watch();
    });
  }

  #after(delayMs: number, ring: () => void): Timer {
    return this.#rules.clock.setTimer(delayMs, ring, { holdsProcess: "no" });
  }

  #end(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer?.cancel();
    this.outbox.close();
    this.#role.closed(reason);
  }
}

function frameOf(line: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(line);
  } catch {
    throw new WireProtocolError("a line that is not JSON");
  }
  if (Array.isArray(frame) && typeof frame[0] === "string") return frame as unknown as Frame;
  throw new WireProtocolError("a line that is not a frame");
}
