import type { Totals } from "../audit/mod.ts";
import { formatMinor } from "../money.ts";
import type { Batch } from "./drive.ts";
import { percentiles } from "./percentiles.ts";

/** A line of the best sellers. */
interface SalesRow {
  readonly group: string;
  readonly name?: string | undefined;
  readonly units: number;
  readonly totalMinor: number;
}

export interface Summary {
  readonly run: number;
  readonly data: string;
  readonly url: string;
  readonly batch: Batch;
  /** Of everything since the data were made. */
  readonly totals: Totals;
  readonly bestSellers: readonly SalesRow[];
}

/** What a run prints for people. */
export function summaryText(summary: Summary): string {
  return [
    "",
    `Run ${summary.run} on ${summary.data}`,
    ...batchRows(summary.batch),
    summary.run === 1 ? "The shop" : `The shop, all ${summary.run} runs together`,
    ...totalRows(summary.totals),
    ...(summary.bestSellers.length === 0 ? [] : ["", "Best sellers", ...summary.bestSellers.map(sellerRow)]),
    "",
    "",
  ].join("\n");
}

function batchRows({ placed, confirmed, rejected, returned, seconds, latenciesMs }: Batch): readonly string[] {
  if (placed === 0) return [];
  const { p50, p95, p99 } = percentiles(latenciesMs);
  const rate = Math.round(seconds > 0 ? latenciesMs.length / seconds : 0);
  const outcomes = [["confirmed", confirmed] as const, ...[...rejected].toSorted(([, a], [, b]) => b - a)];
  return [
    row("orders", `${count(placed)} placed in ${seconds.toFixed(1)} s, ${count(rate)} orders/s`),
    ...outcomes.map(([outcome, orders]) =>
      row("", `${count(orders).padStart(6)}  ${outcome.replaceAll("-", " ")}${share(orders, placed)}`),
    ),
    row("returns", `${count(returned)} refunded and restocked`),
    row("latency", `order to end: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`),
    "",
  ];
}

function totalRows({ orders, money, stock, notifications, invariants }: Totals): readonly string[] {
  const rejected = Object.values(orders.rejected).reduce((sum, one) => sum + one, 0);
  const broken = invariants.filter((invariant) => !invariant.ok);
  const kept = money.capturedMinor - money.refundedMinor;
  return [
    row(
      "orders",
      `${count(orders.placed)} placed: ${count(orders.confirmed)} confirmed, ${count(rejected)} rejected, ${orders.open} open`,
    ),
    row(
      "money",
      `${pounds(money.capturedMinor)} charged, ${pounds(money.refundedMinor)} refunded, ${pounds(kept)} kept`,
    ),
    row("", `the ledger sums to ${pounds(money.ledgerSumMinor)}`),
    row(
      "stock",
      `${count(stock.received)} received, ${count(stock.shipped)} shipped, ${count(stock.restocked)} restocked`,
    ),
    row("", `${count(stock.onHand)} on hand, ${count(stock.reserved)} reserved`),
    row(
      "customers",
      `${count(notifications.sent)} messages sent, ${notifications.duplicates} repeated, ${notifications.dead} undeliverable`,
    ),
    row(
      "audit",
      broken.length === 0
        ? `all ${invariants.length} invariants hold`
        : `${broken.length} of ${invariants.length} INVARIANTS ARE BROKEN`,
    ),
    ...broken.map(({ name, detail }) => row("", `${name}: ${detail}`)),
  ];
}

function sellerRow({ group, name = "", units, totalMinor }: SalesRow): string {
  return `  ${group.padEnd(13)}${name.padEnd(34)}${count(units).padStart(7)} sold${pounds(totalMinor).padStart(14)}`;
}

/** Requests to try, and how to stop. */
export function servingText({ url, batch }: Pick<Summary, "url" | "batch">): string {
  const { confirmedOrder: confirmed, rejectedOrder: rejected } = batch;
  const body = `{"customer":"you","country":"Ireland","items":[{"product":"MUG-BLUE","quantity":2}],"payment":{"method":"card"}}`;
  return [
    `Serving ${url}, where to look next:`,
    `  curl '${url}/products?search=mug'`,
    `  curl ${url}/products/MUG-BLUE`,
    ...(confirmed === undefined ? [] : [`  curl ${url}/orders/${confirmed.id}`]),
    ...(rejected === undefined ? [] : [`  curl ${url}/orders/${rejected.id}   # rejected: ${rejected.reason ?? ""}`]),
    `  curl '${url}/sales?by=country'`,
    `  curl ${url}/orders -i -H 'content-type: application/json' -d '${body}'`,
    `  curl ${url}/health`,
    `  ${url}/docs, ${url}/openapi.json, ${url}/asyncapi.json`,
    "Ctrl-C stops. Killed at any moment and started again, the shop goes on where it was.",
    "",
  ].join("\n");
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(11)}${text}`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? "" : ` (${((100 * part) / whole).toFixed(1)} %)`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function pounds(minor: number): string {
  const text = formatMinor(minor);
  return text.startsWith("-") ? `-£${text.slice(1)}` : `£${text}`;
}
