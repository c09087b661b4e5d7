import type { Timer } from "../clock/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Child } from "./definition.ts";
import { afterCrash, type CrashHistory, noCrashes, type RestartRules } from "./restart-rules.ts";
import { Running, type Surroundings } from "./running.ts";

/** Where a place for one process stands. */
export type ChildState = "waiting" | "starting" | "ready" | "draining" | "backing-off" | "failed" | "stopped";

/** How the reload of one place went. `kept`: the new process did not become ready, and the old one goes on. */
export type ReloadOutcome = { readonly kind: "replaced" } | { readonly kind: "kept"; readonly reason: string };

/** What the places of one supervisor share. */
export interface SlotSurroundings extends Surroundings {
  readonly rules: RestartRules;
  readonly random: Random;
  /** Addresses have changed; answers the version of the table that says so. */
  readonly publish: () => number;
  /** Resolves when all who are told the table go by that version, or soon after. */
  readonly settled: (version: number) => Promise<void>;
  readonly changed: (slot: Slot) => void;
}

/** The place of one instance of a child: one process at a time, two while it is reloaded, none between a death and a restart. */
export class Slot {
  readonly child: Child;
  readonly instance: number;
  readonly #around: SlotSurroundings;
  readonly #leaving = new Set<Running>();
  #state: ChildState = "waiting";
  #reason = "";
  #sinceMs: number;
  #restarts = 0;
  #ignoredBefore = 0;
  #history: CrashHistory = noCrashes;
  #current: Running | undefined;
  #successor: Running | undefined;
  #restart: Timer | undefined;
  #sealed = false;

  constructor(child: Child, instance: number, around: SlotSurroundings) {
    this.child = child;
    this.instance = instance;
    this.#around = around;
    this.#sinceMs = around.clock.monotonic();
  }

  get state(): ChildState {
    return this.#state;
  }

  get reason(): string {
    return this.#reason;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get current(): Running | undefined {
    return this.#current;
  }

  get ignoredMessages(): number {
    return this.#ignoredBefore + (this.#current?.ignoredMessages ?? 0);
  }

  /** Every process of the place that can be told things. */
  get listening(): Running[] {
    return [this.#current, this.#successor, ...this.#leaving].filter(
      (running) => running?.isListening === true,
    ) as Running[];
  }

  start(): void {
    if (this.#sealed || this.#current !== undefined) return;
    const running = new Running(this.child, this.instance, this.#around);
    this.#current = running;
    this.#move("starting", "");
    void this.#follow(running);
    void running.started.then((outcome) => this.#startEnded(running, outcome));
  }

  /**
   * Starts a new process beside the old one, and only when it is ready and everybody knows its address, lets the old one drain.
   * A place without a process gets one, also after a crash loop.
   */
  async reload(): Promise<ReloadOutcome> {
    if (this.#sealed) return { kind: "kept", reason: "the supervisor stops" };
    if (this.#state === "waiting") return { kind: "kept", reason: "it waits for others" };
    this.#restart?.cancel();
    this.#history = noCrashes;
    const old = this.#current;
    const next = new Running(this.child, this.instance, this.#around);
    this.#successor = next;
    if (old === undefined) this.#move("starting", "");
    const outcome = await next.started;
    this.#successor = undefined;
    if (outcome !== "ready") return this.#keep(next, outcome);
    this.#current = next;
    void this.#follow(next);
    if (old !== undefined) this.#leaving.add(old);
    this.#restarts++;
    this.#move("ready", "");
    await this.#around.settled(this.#around.publish());
    // Looked up again: the old process may have died while the others were told.
    if (old !== undefined && this.#leaving.has(old)) await old.leave("drain");
    return { kind: "replaced" };
  }

  tick(): void {
    this.#current?.tick();
  }

  /** From now on nothing is started here. */
  seal(): void {
    this.#sealed = true;
    this.#restart?.cancel();
  }

  /** Ends every process of the place. Needs `seal` first. */
  async stop(): Promise<void> {
    const all = [this.#current, this.#successor, ...this.#leaving].filter((running) => running !== undefined);
    if (this.#current !== undefined) this.#move("draining", "");
    this.#around.publish();
    const ends = await Promise.all(all.map((running) => running.leave("terminate")));
    if (ends.includes("there")) this.#move("stopped", "could not be killed");
    else if (this.#state !== "failed") this.#move("stopped", "");
  }

  #startEnded(running: Running, outcome: string): void {
    if (running !== this.#current || this.#sealed) return;
    if (outcome === "late") running.kill(`was not ready within ${this.#around.readyTimeoutMs} ms`);
    if (outcome !== "ready") return;
    this.#move("ready", "");
    this.#around.publish();
  }

  async #keep(next: Running, outcome: string): Promise<ReloadOutcome> {
    if (outcome === "late") next.kill(`was not ready within ${this.#around.readyTimeoutMs} ms`);
    const reason = next.reasonOf(await next.gone);
    // The old process may have died while the new one tried: then somebody has to be started after all.
    if (this.#current === undefined) this.#crashed(reason, 0);
    return { kind: "kept", reason };
  }

  async #follow(running: Running): Promise<void> {
    const ending = await running.gone;
    const reason = running.reasonOf(ending);
    this.#ignoredBefore += running.ignoredMessages;
    if (this.#leaving.delete(running) || running !== this.#current) return;
    const { readyForMs } = running;
    this.#current = undefined;
    if (this.#sealed) return;
    // A reload that is under way will put somebody in its place, or say that it could not.
    if (this.#successor === undefined) this.#crashed(reason, readyForMs);
    else this.#move("starting", reason);
    this.#around.publish();
  }

  #crashed(reason: string, readyForMs: number): void {
    if (this.#sealed) return;
    const { clock, rules, random } = this.#around;
    const decision = afterCrash(this.#history, { nowMs: clock.monotonic(), readyForMs }, { rules, random });
    this.#history = decision.history;
    if (decision.kind === "give up") return this.#move("failed", reason);
    this.#move("backing-off", reason);
    this.#restart = clock.setTimer(decision.delayMs, () => {
      this.#restarts++;
      this.start();
    });
  }

  #move(state: ChildState, reason: string): void {
    this.#state = state;
    // The reason of the last death stays to be read until the child is ready again.
    if (reason !== "" || state === "ready") this.#reason = reason;
    this.#sinceMs = this.#around.clock.monotonic();
    this.#around.changed(this);
  }
}
