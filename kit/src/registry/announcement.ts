import type { Clock, Timer } from "../clock/mod.ts";
import type { CellEngine, Put } from "../engine/mod.ts";
import type { Random } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { checkFacts, type InstanceFacts } from "./instance.ts";
import { instanceSpace, newsSpace } from "./space.ts";

/** What an announcement works with. */
export interface AnnouncementParts {
  readonly engine: CellEngine;
  readonly random: Random;
  readonly nextId: () => string;
  readonly leaseMs: number;
  readonly onLost: ((id: string) => void) | undefined;
}

export type { Announcement };

const changed = telemetryChannel("ashlar.registry.changed");
/** Heartbeats in a lease: three may be missed. */
const beats = 4;
const retryMs = 250;
const news: Put = { op: "put", cell: { space: newsSpace, key: "latest" }, expect: "any", value: "" };

/** One instance that keeps itself in the registry. Disposing it takes it out at once. */
class Announcement implements AsyncDisposable {
  readonly #parts: AnnouncementParts;
  readonly #clock: Clock;
  #facts: InstanceFacts;
  #id: string;
  #version: number | undefined;
  /** The facts that the store has; "" while that is not certain. */
  #told = "";
  /** What of it is news to others: everything but the load, which they learn when they look anyway. */
  #news = "";
  #announcedAtMs: number;
  #timer: Timer | undefined;
  #state: "held" | "closed" = "held";
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: AnnouncementParts, facts: InstanceFacts) {
    checkFacts(facts);
    this.#parts = parts;
    this.#clock = parts.engine.clock;
    this.#facts = facts;
    this.#id = parts.nextId();
    this.#announcedAtMs = this.#clock.now();
  }

  /** Changes when the lease was lost and the instance announced itself anew. */
  get id(): string {
    return this.#id;
  }

  /** Writes the record for the first time. Rejects with what the store says. */
  async open(): Promise<void> {
    await this.#write();
    this.#schedule(this.#parts.leaseMs / beats);
  }

  /** Says something new of itself, at once (of the load others learn within their `pollMs`); writes nothing when it is not new. Rejects when the store cannot take it now; it goes with the next heartbeat then. */
  async update(facts: Partial<Pick<InstanceFacts, "state" | "load" | "weight">>): Promise<void> {
    const next = { ...this.#facts, ...facts };
    checkFacts(next);
    this.#facts = next;
    if (this.#state === "held" && factsText(next) !== this.#told) await this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#timer?.cancel();
    await this.#writing.catch(() => undefined);
    if (this.#version === undefined) return;
    const cell = { space: instanceSpace, key: this.#id };
    await this.#parts.engine.commit([{ op: "put", cell, expect: this.#version, value: undefined }, news]);
    this.#tell("left");
  }

  #schedule(delayMs: number): void {
    // Spread out, so that a fleet that started together does not beat together.
    const jittered = delayMs * (0.8 + 0.4 * this.#parts.random.next());
    this.#timer = this.#clock.setTimer(jittered, () => void this.#beat(), { holdsProcess: "no" });
  }

  async #beat(): Promise<void> {
    let next = this.#parts.leaseMs / beats;
    try {
      await this.#write();
    } catch {
      // The store cannot be reached: the lease goes on running, and the next attempt is soon.
      next = Math.min(next, retryMs);
    }
    if (this.#state === "held") this.#schedule(next);
  }

  /** One write after the other: each builds on the version of the one before. */
  #write(): Promise<void> {
    const written = this.#writing.then(
      () => this.#put(),
      () => this.#put(),
    );
    this.#writing = written;
    return written;
  }

  async #put(): Promise<void> {
    const { engine, leaseMs } = this.#parts;
    const facts = factsText(this.#facts);
    const newest = newsText(this.#facts);
    const isNews = this.#version === undefined || newest !== this.#news;
    this.#told = "";
    const result = await engine.commit([this.#change(leaseMs), ...(isNews ? [news] : [])]);
    if (result.committed) return this.#written(result.outcomes[0], facts, newest);
    // Somebody else's record, or none: ours has ended. A new life under a new name, so that nothing of the old one counts.
    const lost = this.#id;
    this.#id = this.#parts.nextId();
    this.#version = undefined;
    this.#announcedAtMs = this.#clock.now();
    this.#tell("lost");
    this.#parts.onLost?.(lost);
    const again = await engine.commit([this.#change(leaseMs), news]);
    if (again.committed) this.#written(again.outcomes[0], facts, newest);
  }

  #change(leaseMs: number): Put {
    const value = JSON.stringify({ ...this.#facts, announcedAtMs: this.#announcedAtMs });
    const cell = { space: instanceSpace, key: this.#id };
    return { op: "put", cell, expect: this.#version ?? "absent", value, expiresInMs: leaseMs };
  }

  #written(
    outcome: { readonly op: string; readonly version?: number } | undefined,
    facts: string,
    newest: string,
  ): void {
    this.#told = facts;
    this.#news = newest;
    const isFirst = this.#version === undefined;
    this.#version = outcome?.version;
    if (isFirst) this.#tell("announced");
  }

  #tell(change: "announced" | "lost" | "left"): void {
    if (changed.active) changed.publish({ instance: this.#id, address: this.#facts.address, change });
  }
}

function newsText({ load: _load, ...news }: InstanceFacts): string {
  return JSON.stringify(news);
}

function factsText(facts: InstanceFacts): string {
  return JSON.stringify(facts);
}

/** Announces an instance. */
export async function openAnnouncement(parts: AnnouncementParts, facts: InstanceFacts): Promise<Announcement> {
  const announcement = new Announcement(parts, facts);
  await announcement.open();
  return announcement;
}
