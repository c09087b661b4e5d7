import { abortable, gate, signalAfter } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import type { Child } from "./definition.ts";
import { LineBuffer } from "./line-buffer.ts";
import type { OutputLine } from "./output-system.ts";
import { type Ending, endingText, type ProcessHandle, type ProcessPort } from "./process-port.ts";
import { fromChild, type ToChild } from "./protocol.ts";

/** What all processes of one supervisor share. */
export interface Surroundings {
  readonly clock: Clock;
  readonly processes: ProcessPort;
  readonly readyTimeoutMs: number;
  readonly stopGraceMs: number;
  readonly missedMax: number;
  readonly onOutput: (line: OutputLine) => void;
  readonly onMessage: (from: { readonly name: string; readonly instance: number }, body: unknown) => void;
  /** A process said hello and is to be told the table. */
  readonly onHello: (running: Running) => void;
}

/** How the start of a process went. */
export type StartOutcome = "ready" | "late" | "gone";

// A process that survives SIGKILL for longer hangs in the kernel; nothing here can end it.
const killWaitMs = 5_000;

/** One process from its start to its end. A child that is started again gets a new one. */
export class Running {
  readonly started: Promise<StartOutcome>;
  readonly gone: Promise<Ending>;
  readonly #start = gate<StartOutcome>();
  readonly #end = gate<Ending>();
  readonly #around: Surroundings;
  readonly #who: { readonly name: string; readonly instance: number };
  readonly #handle: ProcessHandle;
  readonly #lines: readonly LineBuffer[];
  readonly #waiters = new Set<() => void>();
  #phase: "starting" | "ready" | "leaving" | "gone" = "starting";
  #address: string | undefined;
  #readyAtMs: number | undefined;
  #saidHello = false;
  #beaten = false;
  #missed = 0;
  #ignored = 0;
  #seenVersion = 0;
  #killedBecause = "";

  constructor(child: Child, instance: number, around: Surroundings) {
    this.#around = around;
    this.#who = { name: child.name, instance };
    this.started = this.#start.promise;
    this.gone = this.#end.promise;
    const [stdout, stderr] = [this.#linesOf("stdout"), this.#linesOf("stderr")];
    this.#lines = [stdout, stderr];
    const late = around.clock.setTimer(around.readyTimeoutMs, () => this.#start.open("late"));
    void this.started.finally(() => late.cancel());
    this.#handle = around.processes.spawn(child, instance, {
      message: (message) => this.#heard(message),
      output: (stream, text) => this.#wrote(stream === "stdout" ? stdout : stderr, text),
      exit: (ending) => this.#exited(ending),
    });
  }

  get pid(): number | undefined {
    return this.#handle.pid;
  }

  /** Where calls can go; undefined before it is ready and once it is told to leave. */
  get address(): string | undefined {
    return this.#phase === "ready" ? this.#address : undefined;
  }

  get missedHeartbeats(): number {
    return this.#missed;
  }

  get ignoredMessages(): number {
    return this.#ignored;
  }

  /** Whether it can be told things. */
  get isListening(): boolean {
    return this.#saidHello && this.#phase !== "gone";
  }

  /** 0 when it never was. */
  get readyForMs(): number {
    return this.#readyAtMs === undefined ? 0 : this.#around.clock.monotonic() - this.#readyAtMs;
  }

  send(message: ToChild): "sent" | "full" | "closed" {
    return this.#handle.send(message);
  }

  /**
   * One beat of the supervisor. Ticks are counted, not time: when the supervisor itself was held up, a single late tick comes before
   * the answers that wait in the channel, and must not condemn all children at once.
   */
  tick(): void {
    if (this.#phase !== "ready") return;
    this.#missed = this.#beaten ? 0 : this.#missed + 1;
    this.#beaten = false;
    if (this.#missed >= this.#around.missedMax) this.kill(`is frozen: ${this.#missed} heartbeats were missed`);
    else this.send({ kind: "ping" });
  }

  kill(because: string): void {
    this.#killedBecause = because;
    this.#handle.kill("SIGKILL");
  }

  /** Why it ended, in words. */
  reasonOf(ending: Ending): string {
    return this.#killedBecause === "" ? endingText(ending) : this.#killedBecause;
  }

  /** Asks it to leave, by message or by SIGTERM; after `stopGraceMs` SIGKILL. Resolves when it is gone, or 5 s after that. */
  async leave(how: "drain" | "terminate"): Promise<"gone" | "there"> {
    if (this.#phase === "gone") return "gone";
    this.#phase = "leaving";
    this.#start.open("gone");
    if (how === "terminate" || this.send({ kind: "drain" }) !== "sent") this.#handle.kill("SIGTERM");
    if ((await this.#goneWithin(this.#around.stopGraceMs)) === "gone") return "gone";
    this.kill(`did not stop within ${this.#around.stopGraceMs} ms`);
    return await this.#goneWithin(killWaitMs);
  }

  /** Resolves when it goes by that version of the table, is gone, or the signal aborts. */
  async seen(version: number, signal: AbortSignal): Promise<void> {
    while (this.isListening && this.#seenVersion < version && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.add(resolve);
      await abortable(promise, signal).catch(() => undefined); // the loop asks again why
      this.#waiters.delete(resolve);
    }
  }

  async #goneWithin(limitMs: number): Promise<"gone" | "there"> {
    const isLate = Symbol("late");
    using limit = signalAfter(this.#around.clock, limitMs, () => isLate);
    // Awaited here, so that the timer lives as long as the wait.
    return await abortable(this.gone, limit.signal).then(
      () => "gone" as const,
      () => "there" as const,
    );
  }

  #heard(message: unknown): void {
    const said = fromChild(message);
    if (said === undefined) {
      this.#ignored++;
      return;
    }
    this.#beaten = true;
    switch (said.kind) {
      case "hello":
        this.#saidHello = true;
        return this.#around.onHello(this);
      case "ready":
        return this.#becameReady(said.address);
      case "seen":
        this.#seenVersion = Math.max(this.#seenVersion, said.version);
        return this.#wake();
      case "message":
        return this.#around.onMessage(this.#who, said.body);
      case "heartbeat":
        return undefined;
    }
  }

  #becameReady(address: string | undefined): void {
    if (this.#phase !== "starting") return;
    this.#phase = "ready";
    this.#address = address;
    this.#readyAtMs = this.#around.clock.monotonic();
    this.#start.open("ready");
  }

  #exited(ending: Ending): void {
    this.#phase = "gone";
    for (const lines of this.#lines) lines.flush();
    this.#start.open("gone");
    this.#end.open(ending);
    this.#wake();
  }

  /** Output may come after the end; then nothing more will complete its last line. */
  #wrote(lines: LineBuffer, text: string): void {
    lines.push(text);
    if (this.#phase === "gone") lines.flush();
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }

  #linesOf(stream: OutputLine["stream"]): LineBuffer {
    return new LineBuffer((text) => this.#around.onOutput({ ...this.#who, stream, text }));
  }
}
