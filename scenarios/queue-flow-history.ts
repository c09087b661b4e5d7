import type { Claim, ClaimRequest } from "ashlar/engine";
import type { StoredJob } from "ashlar/queue";
import type { Random } from "ashlar/random";
import type { NodeHost, World } from "ashlar/simulation";
import type { BedEngine } from "./bed.ts";

/** What a job of the proof does: nothing much, fails some times, never works, outlasts its time budget, or kills its process. */
export type ParcelKind = "plain" | "fails" | "poison" | "slow" | "kills";

/** A job of the proof. `call` names the call that added it: a call that is sent again has another name. */
export interface Parcel {
  readonly n: number;
  readonly call: string;
  readonly kind: ParcelKind;
  readonly workMs: number;
  readonly times: number;
  readonly lane: number;
  readonly key?: string;
  readonly delayMs?: number;
}

const groupsCount = 8;

/** Jobs that are added together, all or none. */
export function parcelGroups(random: Random): readonly (readonly Parcel[])[] {
  let next = 0;
  return Array.from({ length: groupsCount }, () => {
    const lane = random.integer(0, 2);
    const delayMs = random.next() < 0.15 ? random.integer(1, 2_000) : undefined;
    return Array.from({ length: random.integer(1, 4) }, (): Parcel => {
      const kind = random.pick(["plain", "plain", "plain", "fails", "poison", "slow", "kills"] as const);
      const key = random.pick([undefined, undefined, "red", "blue"]);
      const workMs = random.pick([0, 10, 100, 400]);
      const times = kind === "kills" ? random.pick([1, 1, 99]) : random.integer(1, 2);
      const rest = { ...(key === undefined ? {} : { key }), ...(delayMs === undefined ? {} : { delayMs }) };
      return { n: next++, call: "", kind, workMs, times, lane, ...rest };
    });
  });
}

/** The text of a job that no codec can read. */
export function unreadableBody(n: number): string {
  return `no JSON ${n}`;
}

export function isUnreadable({ body }: { readonly body: string }): boolean {
  return body.startsWith("no JSON");
}

/** One handling of a job, in a batch or alone. Moments count the records. */
export interface ParcelHandling {
  readonly queue: string;
  readonly id: string;
  readonly parcel: Parcel;
  readonly attempt: number;
  readonly crashes: number;
  readonly by: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  /** `late`: it returned after its time budget. */
  end: "returned" | "threw" | "lost" | "late" | undefined;
}

interface Call {
  readonly parcels: readonly Parcel[];
  readonly askedAt: number;
  answeredAt: number | undefined;
  /** `undefined`: its process died, nobody knows. */
  end: "added" | "refused" | undefined;
  ids: readonly string[];
}

interface Claimed {
  readonly claim: Claim;
  readonly by: string;
  readonly at: number;
}

interface ClaimCall {
  readonly queue: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly count: number;
}

interface Pause {
  readonly queue: string;
  readonly from: number;
  to: number;
}

/** What the operator did to a job that somebody waited for. */
interface Cancelled {
  readonly queue: string;
  readonly id: string;
  readonly at: number;
}

/** What a proof of the flow of queues has seen. */
export class FlowHistory {
  readonly handlings: ParcelHandling[] = [];
  readonly batches: { readonly ids: readonly string[]; readonly crashes: readonly number[]; readonly size: number }[] =
    [];
  readonly calls: Call[] = [];
  readonly claimed: Claimed[] = [];
  /** Claims that brought something, with the moment in which they were asked for. */
  readonly claims: ClaimCall[] = [];
  readonly pauses: Pause[] = [];
  readonly cancelled: Cancelled[] = [];
  /** Jobs whose removal was asked for by somebody who died before he was told. */
  readonly cancelling = new Set<string>();
  readonly replyErrors: { readonly n: number }[] = [];
  readonly answers: { readonly n: number; readonly answer: number }[] = [];
  readonly malformed: string[] = [];
  readonly violations: string[] = [];
  /** What died of itself, before some of it was sent back. */
  deadBeforeRedrive: readonly StoredJob<Parcel>[] = [];
  /** What was still dead, or again, after it. */
  deadBeforePurge: readonly StoredJob<Parcel>[] = [];
  purged = 0;
  deadAfterPurge = 0;
  readonly #world: World;
  #moment = 0;

  constructor(world: World) {
    this.#world = world;
  }

  moment(): number {
    return ++this.#moment;
  }

  /** Lease and time agree in all processes: nobody's clock has jumped or drifted. */
  get isTimeSound(): boolean {
    const { all } = this.#world.counters;
    return all["fault: clock jump"] === undefined && all["fault: clock drift"] === undefined;
  }

  called(parcels: readonly Parcel[]): Call {
    const call: Call = { parcels, askedAt: this.moment(), answeredAt: undefined, end: undefined, ids: [] };
    this.calls.push(call);
    return call;
  }

  answered(call: Call, end: "added" | "refused", ids: readonly string[] = []): void {
    call.end = end;
    call.ids = ids;
    call.answeredAt = this.moment();
  }

  started(
    host: NodeHost,
    job: { readonly id: string; readonly input: Parcel } & Counts,
    queue: string,
  ): ParcelHandling {
    const { id, input, attempt, crashes } = job;
    const by = `${host.name} ${host.epoch}`;
    const times = { startedAt: this.moment(), endedAt: undefined, end: undefined };
    const handling: ParcelHandling = { queue, id, parcel: input, attempt, crashes, by, ...times };
    this.handlings.push(handling);
    return handling;
  }

  ended(handling: ParcelHandling, end: NonNullable<ParcelHandling["end"]>): void {
    if (handling.end !== undefined) return;
    handling.end = end;
    handling.endedAt = this.moment();
  }

  batch(jobs: readonly ({ readonly id: string } & Counts)[], size: number): void {
    this.batches.push({ ids: jobs.map(({ id }) => id), crashes: jobs.map(({ crashes }) => crashes), size });
    if (jobs.length === size) this.#world.sometimes("a full batch");
    if (jobs.length > 1 && jobs.length < size) this.#world.sometimes("a batch that waited long enough");
    if (jobs.some(({ crashes }) => crashes > 0)) this.#world.sometimes("a suspect in a batch of its own");
  }

  /** The same engine, whose claims are written down as their answers come in. */
  watched(engine: BedEngine, host: NodeHost): BedEngine {
    const by = `${host.name} ${host.epoch}`;
    const claim = async (request: ClaimRequest) => {
      const askedAt = this.moment();
      const result = await engine.claim(request);
      const at = this.moment();
      this.claims.push({ queue: request.queue, askedAt, answeredAt: at, count: result.claims.length });
      for (const one of result.claims) this.claimed.push({ claim: one, by, at });
      return result;
    };
    return { ...engine, claim };
  }
}

interface Counts {
  readonly attempt: number;
  readonly crashes: number;
}
