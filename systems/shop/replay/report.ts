import { formatMinor } from "../money.ts";
import type { ReplayOutcome } from "./replay.ts";
import type { Commits } from "./commits.ts";

/** What a replay prints for programs: one JSON object. */
export function reportJson(outcome: ReplayOutcome): string {
  const { totals, seconds, orders, stepLatencyMs } = outcome;
  return JSON.stringify({
    ...totals,
    seconds: rounded(seconds),
    ordersPerSecond: rounded(seconds === 0 ? 0 : orders / seconds),
    stepLatencyMs,
  });
}

/** What a replay prints for people. */
export function reportText(outcome: ReplayOutcome, measured: Commits): string {
  const { totals, seconds, invoices, orders, stepLatencyMs: step } = outcome;
  const { lines, money, stock, notifications, returns } = totals;
  const rejected = Object.entries(totals.orders.rejected).map(([reason, count]) => `${count} ${reason}`);
  const broken = totals.invariants.filter((invariant) => !invariant.ok);
  const commits = measured.total();
  return [
    outcome.end === "stopped"
      ? "Stopped; the same command goes on from here."
      : `Replayed ${count(invoices)} invoices.`,
    row(
      "lines",
      `${count(lines.read)} read, ${count(lines.accepted)} accepted, ${count(lines.quarantined)} in quarantine`,
    ),
    row(
      "orders",
      `${count(totals.orders.placed)} placed, ${count(totals.orders.confirmed)} confirmed, ${totals.orders.open} open`,
    ),
    row("rejected", rejected.length === 0 ? "none" : rejected.join(", ")),
    row("returns", `${count(returns.matched)} lines matched, ${count(returns.unmatched)} unmatched`),
    row("money", `${formatMinor(money.orderedMinor)} ordered, ${formatMinor(money.capturedMinor)} captured`),
    row(
      "",
      `${formatMinor(money.refundedMinor)} refunded, ${formatMinor(money.adjustedMinor)} adjusted, ledger ${formatMinor(money.ledgerSumMinor)}`,
    ),
    row(
      "stock",
      `${count(stock.received)} received, ${count(stock.shipped)} shipped, ${count(stock.restocked)} restocked`,
    ),
    row(
      "",
      `${count(stock.writtenOff)} written off, ${count(stock.onHand)} on hand, ${count(stock.reserved)} reserved`,
    ),
    row(
      "told",
      `${count(notifications.sent)} sent, ${notifications.duplicates} repeated, ${notifications.dead} given up`,
    ),
    row("speed", `${seconds.toFixed(2)} s, ${Math.round(seconds === 0 ? 0 : orders / seconds)} orders/s`),
    row("steps", `p50 ${step.p50.toFixed(1)} ms, p95 ${step.p95.toFixed(1)} ms, p99 ${step.p99.toFixed(1)} ms`),
    // With a process a service the transactions are theirs; without orders they are those of opening the files.
    ...(commits.count === 0 || orders === 0
      ? []
      : [row("commits", `${count(commits.count)} transactions, ${timeOf(commits, seconds)}`)]),
    row(
      "audit",
      broken.length === 0 ? `all ${totals.invariants.length} invariants hold` : `${broken.length} INVARIANTS BROKEN`,
    ),
    ...broken.map(({ name, detail }) => row("", `${name}: ${detail}`)),
    "",
  ].join("\n");
}

/** On files one transaction runs at a time, on a server many. */
function timeOf(commits: ReturnType<Commits["total"]>, seconds: number): string {
  if (commits.seconds > seconds)
    return `${((1_000 * commits.seconds) / commits.count).toFixed(1)} ms each, side by side`;
  return `${seconds === 0 ? 0 : Math.round((100 * commits.seconds) / seconds)} % of the time`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(10)}${text}`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
