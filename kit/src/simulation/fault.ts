import type { Random } from "../random/mod.ts";
import type { World } from "./world.ts";

/** One fault of a plan: data only, so that a plan can be printed, stored, replayed and shrunk. */
export interface Fault {
  /** Place in the plan as it was drawn; stays when other faults are left out. */
  readonly index: number;
  readonly kind: string;
  /** Since the chaos began. */
  readonly atMs: number;
  readonly lengthMs: number;
  /** Whom it hits. */
  readonly nodes: readonly string[];
  /** How hard, in the words of its kind. */
  readonly detail?: Readonly<Record<string, number | string>> | undefined;
}

/** What a rule draws of a fault. */
export type FaultDraw = Pick<Fault, "lengthMs" | "nodes" | "detail">;

/** A kind of fault that a scenario allows: how often, and what it does. */
export interface FaultRule {
  /** Unique in a scenario. */
  readonly kind: string;
  /** On average, while there is chaos. */
  readonly perMinute: number;
  draw(random: Random): FaultDraw;
  /** Begins it; gives what ends it, when its time is over or all is healed. Undefined when there was nothing to do. */
  begin(world: World, fault: Fault): Disposable | undefined;
}

const minuteMs = 60_000;

/**
 * The faults of one run, by time. Drawn before it begins, from a stream of its own: leaving faults out changes nothing else of the run. Each
 * kind is absent in a quarter of the seeds, and else between half and twice as frequent as its rule says, so that runs differ in character.
 */
export function drawPlan(rules: readonly FaultRule[], random: Random, chaosMs: number): readonly Fault[] {
  const drawn = rules.flatMap((rule) => {
    const own = random.stream(rule.kind);
    const isAbsent = own.next() < 0.25;
    const perMs = (rule.perMinute * 2 ** (2 * own.next() - 1)) / minuteMs;
    const faults: Omit<Fault, "index">[] = [];
    if (isAbsent || !(perMs > 0)) return faults;
    for (let atMs = gapMs(own, perMs); atMs < chaosMs; atMs += gapMs(own, perMs))
      faults.push({ kind: rule.kind, atMs, ...rule.draw(own) });
    return faults;
  });
  return drawn.toSorted((left, right) => left.atMs - right.atMs).map((fault, index) => ({ index, ...fault }));
}

function gapMs(random: Random, perMs: number): number {
  return -Math.log(1 - random.next()) / perMs;
}

/** One line for people: `crash of ledger at 12.3 s for 4.0 s (machine)`. */
export function faultText({ index, kind, atMs, lengthMs, nodes, detail }: Fault): string {
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  const of = nodes.length === 0 ? "" : ` of ${nodes.join(", ")}`;
  const more = Object.entries(detail ?? {}).map(([name, value]) => `${name} ${value}`);
  const how = more.length === 0 ? "" : ` (${more.join(", ")})`;
  return `${index}: ${kind}${of} at ${seconds(atMs)} for ${seconds(lengthMs)}${how}`;
}
