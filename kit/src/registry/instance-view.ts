import { ConfigError } from "../errors/mod.ts";
import type { Clock, Timer } from "../clock/mod.ts";
import type { CellEngine } from "../engine/mod.ts";
import type { Directory, ServiceEndpoint } from "./directory.ts";
import { checkFacts, type Instance, type InstanceFacts } from "./instance.ts";
import { instanceSpace, newsSpace } from "./space.ts";

const followersMax = 1_000;
const instancesMax = 10_000;

interface Follower {
  readonly service: string;
  readonly told: (endpoints: readonly ServiceEndpoint[]) => void;
  /** What was told last, as text, so that a heartbeat that changes nothing tells nobody. */
  last: string;
}

/** A record that was read, and until when this process believes it, on its own monotonic clock. */
interface Seen {
  readonly instance: Instance;
  readonly version: number;
  readonly untilMs: number;
}

/**
 * The living instances as one process knows them. Read as a whole when there is news and every `pollMs`. A record is believed for a lease from when
 * this version of it was first read, and no reading of the same one prolongs that: so a view that is cut off from the store, or
 * whose clock is set back, shows nothing stale.
 */
export class InstanceView implements Directory, Disposable {
  readonly #engine: CellEngine;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #pollMs: number;
  readonly #followers = new Set<Follower>();
  /** Also those that are believed no more, while they are in the store. */
  #seen: ReadonlyMap<string, Seen> = new Map();
  #bell: Disposable | undefined;
  #timer: Timer | undefined;
  #reading: "no" | "yes" | "again" = "no";
  #state: "idle" | "following" | "closed" = "idle";

  constructor(engine: CellEngine, times: { readonly leaseMs: number; readonly pollMs: number }) {
    this.#engine = engine;
    this.#clock = engine.clock;
    this.#leaseMs = times.leaseMs;
    this.#pollMs = times.pollMs;
  }

  follow(service: string, told: Follower["told"]): Disposable {
    if (this.#followers.size >= followersMax)
      throw new ConfigError("followers", this.#followers.size, `${followersMax} at most`);
    const follower: Follower = { service, told, last: "" };
    this.#followers.add(follower);
    this.#begin();
    this.#tell(follower);
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }

  [Symbol.dispose](): void {
    this.#state = "closed";
    this.#bell?.[Symbol.dispose]();
    this.#timer?.cancel();
    this.#followers.clear();
  }

  #begin(): void {
    if (this.#state !== "idle") return;
    this.#state = "following";
    this.#bell = this.#engine.bell([`cells:${newsSpace}`], () => this.#look());
    this.#look();
    this.#sleep();
  }

  /** Reads, once at a time; a ring during a read makes one more. */
  #look(): void {
    if (this.#state !== "following") return;
    if (this.#reading !== "no") {
      this.#reading = "again";
      return;
    }
    this.#reading = "yes";
    void this.#read().finally(() => {
      const again = this.#reading === "again";
      this.#reading = "no";
      if (again) this.#look();
      this.#sleep();
    });
  }

  async #read(): Promise<void> {
    try {
      const seen = new Map<string, Seen>();
      const readAtMs = this.#clock.monotonic();
      for await (const { instance, version } of recordsOf(this.#engine)) {
        if (seen.size >= instancesMax) break;
        const known = this.#seen.get(instance.id);
        // The other clock may be wrong by any amount, a lease is never longer than a lease.
        const restMs = Math.min(this.#leaseMs, instance.leaseUntilMs - this.#clock.now());
        const untilMs = known?.version === version ? known.untilMs : readAtMs + restMs;
        seen.set(instance.id, { instance, version, untilMs });
      }
      this.#seen = seen;
    } catch {
      // The store cannot be reached: what is believed ends by itself.
    }
    this.#tellAll();
  }

  #sleep(): void {
    if (this.#state !== "following") return;
    const nowMs = this.#clock.monotonic();
    let nextMs = nowMs + this.#pollMs;
    for (const { untilMs } of this.#seen.values()) if (untilMs > nowMs) nextMs = Math.min(nextMs, untilMs);
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(Math.max(1, nextMs - nowMs), () => this.#rang(), { holdsProcess: "no" });
  }

  #rang(): void {
    this.#tellAll();
    this.#look();
    // Whether the store answers or not.
    this.#sleep();
  }

  #tellAll(): void {
    for (const follower of this.#followers) this.#tell(follower);
  }

  #tell(follower: Follower): void {
    const nowMs = this.#clock.monotonic();
    const endpoints = Array.from(this.#seen.values(), ({ instance, untilMs }) =>
      untilMs > nowMs ? endpointOf(instance, follower.service) : undefined,
    ).filter((endpoint) => endpoint !== undefined);
    const text = JSON.stringify(endpoints);
    if (text === follower.last) return;
    follower.last = text;
    follower.told(endpoints);
  }
}

/** All living instances, read from the store. */
export async function* instancesOf(engine: CellEngine): AsyncGenerator<Instance> {
  for await (const { instance } of recordsOf(engine)) yield instance;
}

async function* recordsOf(
  engine: CellEngine,
): AsyncGenerator<{ readonly instance: Instance; readonly version: number }> {
  for await (const cell of engine.scan({ kind: "cells", space: instanceSpace })) {
    const record = recordOf(cell.value);
    if (record === undefined) continue;
    yield { instance: { ...record, id: cell.key, leaseUntilMs: cell.expiresAtMs ?? 0 }, version: cell.version };
  }
}

/** Undefined for what this version cannot read: one bad record must not hide the others, nor reach who follows. */
function recordOf(text: string): (InstanceFacts & { readonly announcedAtMs: number }) | undefined {
  try {
    const record = JSON.parse(text) as InstanceFacts & { readonly announcedAtMs: number };
    checkFacts(record);
    return record;
  } catch {
    return undefined;
  }
}

function endpointOf(instance: Instance, service: string): ServiceEndpoint | undefined {
  const offered = instance.services.find(({ name }) => name === service);
  if (offered === undefined) return undefined;
  const { id, address, weight, zone, labels, state, load } = instance;
  return { id, address, hash: offered.hash, weight, zone, labels, state, load };
}
