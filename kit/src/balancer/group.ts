import { type Pool, poolOf } from "./pool.ts";
import { isTrusted, isUp, type Slot } from "./slot.ts";
import { type ZoneRules, type ZoneShare, zoneShare } from "./zone-share.ts";

/** Why nobody was picked: the set or subset holds nothing, everything is down or distrusted, all that is left drains, all that is
 *  left is in `except`, or the balancer has no subset of that name. */
export type NotPickedReason = "no-endpoint" | "all-down" | "draining" | "excluded" | "unknown-subset";

/** A subset as seen from one zone. */
export interface Group {
  readonly subset: Subset | undefined;
  readonly zone: string | undefined;
  readonly share: ZoneShare | undefined;
  /** The version of the set that the rest was made for. */
  version: number;
  all: Pool;
  /** Undefined without a zone, and when one of the two would be empty. */
  home: Pool | undefined;
  abroad: Pool | undefined;
  isPanic: boolean;
  /** Undefined while there is somebody to pick. */
  reason: NotPickedReason | undefined;
}

/** Endpoints that carry all of these labels. */
export interface Subset {
  readonly labels: Readonly<Record<string, string>>;
  /** What to do while nobody can be picked in it: `refuse` says so, `all` picks from the whole set. Default `refuse`. */
  readonly otherwise?: "refuse" | "all" | undefined;
}

/** What a group is made of besides its slots. */
export interface GroupRules {
  /** Part of the endpoints that must be trusted, else all that are up are used. */
  readonly panicBelow: number;
  readonly zones: ZoneRules;
}

/** A group that has yet to be rebuilt. */
export function groupOf(view: Pick<Group, "subset" | "zone">, rules: GroupRules, nowMs: number): Group {
  const share = view.zone === undefined ? undefined : zoneShare(rules.zones, nowMs);
  const empty = { home: undefined, abroad: undefined, isPanic: false, reason: "no-endpoint" } as const;
  return { ...view, share, version: -1, all: poolOf([], [], 0), ...empty };
}

/** Makes a group anew from the slots of the set, which come sorted by id. O(n). */
export function rebuildGroup(group: Group, slots: readonly Slot[], rules: GroupRules): void {
  const members = slots.filter((slot) => isIn(slot, group.subset));
  const base = members.filter(isUp);
  const trusted = base.filter(isTrusted);
  group.isPanic = trusted.length < base.length * rules.panicBelow;
  const open = group.isPanic ? base : trusted;
  group.all = poolOf(open, base, slots.length);
  group.reason = open.length > 0 ? undefined : reasonFor(members, base);
  group.home = undefined;
  group.abroad = undefined;
  const isHome = (slot: Slot): boolean => slot.endpoint.zone === group.zone;
  const home = open.filter(isHome);
  if (group.share === undefined || home.length === 0 || home.length === open.length) return;
  const homeBase = base.filter(isHome);
  const abroad = open.filter((slot) => !isHome(slot));
  group.home = poolOf(home, homeBase, slots.length);
  group.abroad = poolOf(
    abroad,
    base.filter((slot) => !isHome(slot)),
    slots.length,
  );
  group.share.rebuild({ home, homeBase, abroad });
}

/** Whether an endpoint belongs to a subset; to the whole set everybody does. */
export function isIn(slot: Slot, subset: Subset | undefined): boolean {
  if (subset === undefined) return true;
  const { labels = {} } = slot.endpoint;
  return Object.entries(subset.labels).every(([name, value]) => labels[name] === value);
}

function reasonFor(members: readonly Slot[], base: readonly Slot[]): NotPickedReason {
  if (members.length === 0) return "no-endpoint";
  const isDraining = members.some(({ endpoint }) => endpoint.state === "draining");
  return base.length === 0 && isDraining ? "draining" : "all-down";
}
