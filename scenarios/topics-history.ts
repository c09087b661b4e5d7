import type { World } from "ashlar/simulation";

/** What is published. Numbers rise with the calls of one author. */
export interface News {
  readonly author: string;
  readonly n: number;
}

/** One call of `publish`. Moments count the records. */
export interface Publication extends News {
  readonly calledAt: number;
  endedAt: number;
  /** `undefined`: its process died, nobody knows. `insisted`: it was sent again after a refusal, under the same dedup key. */
  end: "published" | "refused" | undefined;
}

/** From when on a subscription was surely there, and when somebody began to end it. */
export interface Standing {
  readonly from: number;
  to: number;
}

/** What somebody handled, in the order of the commits. */
export interface Handled {
  readonly subscription: string;
  readonly id: string;
  readonly news: News;
}

/** One firing of a schedule. */
export interface Tick {
  readonly schedule: string;
  readonly atMs: number;
}

/** What a proof of topics and schedules has seen. */
export class TopicsHistory {
  readonly publications: Publication[] = [];
  readonly standing = new Map<string, Standing>();
  readonly violations: string[] = [];
  readonly #world: World;
  #moment = 0;

  constructor(world: World) {
    this.#world = world;
  }

  moment(): number {
    return ++this.#moment;
  }

  publishing(news: News): Publication {
    const publication: Publication = { ...news, calledAt: this.moment(), endedAt: Infinity, end: undefined };
    this.publications.push(publication);
    return publication;
  }

  ended(publication: Publication, end: "published" | "refused"): void {
    publication.end = end;
    publication.endedAt = this.moment();
    this.#world.sometimes(`news was ${end}`);
  }

  stands(subscription: string): void {
    if (!this.standing.has(subscription)) this.standing.set(subscription, { from: this.moment(), to: Infinity });
  }

  ends(subscription: string): void {
    const standing = this.standing.get(subscription);
    if (standing !== undefined) standing.to = Math.min(standing.to, this.moment());
  }
}
