import type { World } from "ashlar/simulation";

const secret = /secret-\d+/g;

interface Secret {
  readonly subject: string;
  readonly stream: string;
  /** When somebody was told that it is recorded. */
  recordedAt: number;
}

interface Erasure {
  readonly subject: string;
  readonly calledAt: number;
  endedAt: number;
}

/** What a proof of views and erasure has seen. Moments count the records. */
export class ViewsHistory {
  readonly secrets = new Map<string, Secret>();
  readonly erasures: Erasure[] = [];
  /** Wishes to skip what a stream is parked for. */
  readonly skips: { readonly stream: string }[] = [];
  readonly violations: string[] = [];
  readonly #world: World;
  #moment = 0;
  #switch = { calledAt: Infinity, endedAt: Infinity };
  #next = 0;

  constructor(world: World) {
    this.#world = world;
  }

  moment(): number {
    return ++this.#moment;
  }

  newSecret(subject: string, stream: string): string {
    const text = `secret-${this.#next++}`;
    this.secrets.set(text, { subject, stream, recordedAt: Infinity });
    return text;
  }

  recorded(text: string): void {
    const found = this.secrets.get(text);
    if (found !== undefined) found.recordedAt = Math.min(found.recordedAt, this.moment());
  }

  erasing(subject: string): Erasure {
    const erasure: Erasure = { subject, calledAt: this.moment(), endedAt: Infinity };
    this.erasures.push(erasure);
    return erasure;
  }

  erased(erasure: Erasure): void {
    erasure.endedAt = this.moment();
    this.#world.sometimes("erased");
  }

  /** Nothing that somebody reads may show what was recorded before an erasure that was over before the reading began. */
  read(text: string, { from, where }: { readonly from: number; readonly where: string }): void {
    for (const [found] of text.matchAll(secret)) {
      const known = this.secrets.get(found);
      const isGone = this.erasures.some(
        ({ subject, calledAt, endedAt }) => subject === known?.subject && calledAt > known.recordedAt && endedAt < from,
      );
      if (isGone) this.violations.push(`${where} shows ${found} of ${known?.subject}, who was erased`);
    }
    if (text.includes("[erased]")) this.#world.sometimes("an erased field was read");
  }

  /** Readers get the new version of the view from here on. */
  switched(calledAt: number): void {
    if (this.#switch.endedAt === Infinity) this.#switch = { calledAt, endedAt: this.moment() };
    this.#world.sometimes("the view was switched");
  }

  /** After the switch a reader gets rows of the new version, in which nothing is missing that was recorded before the switch was asked for. */
  row(row: unknown, { from, stream }: { readonly from: number; readonly stream: string }): void {
    const { calledAt, endedAt } = this.#switch;
    if (from < endedAt) return;
    if (typeof row === "string") this.violations.push("a reader got a row of the old version after the switch");
    const due = [...this.secrets.values()].filter((one) => one.stream === stream && one.recordedAt < calledAt).length;
    if (Number(row ?? 0) < due)
      this.violations.push(`the view was switched before it had caught up: ${String(row)} of ${due}`);
  }
}
