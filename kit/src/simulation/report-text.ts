import { faultText } from "./fault.ts";
import type { FiredEvent } from "./trace.ts";
import type { RunFailure, RunReport } from "./run-seed.ts";

const eventsShown = 25;

/** The arguments with which a command runs exactly this again. */
export function replayArguments({ scenario, seed, strategy, plan, hours, failure }: RunReport): readonly string[] {
  const faults = plan.length === 0 ? "none" : plan.map(({ index }) => index).join(",");
  const length = hours === undefined ? [] : ["--hours", `${hours}`];
  const until = failure === undefined ? [] : ["--until", `${failure.event}`];
  return [scenario, "--seed", `${seed}`, "--strategy", strategy, "--faults", faults, ...length, ...until];
}

/** A failed run for people: what, where, which faults, the last events, and how to see it again. */
export function failureText(report: RunReport, how: { readonly command: string; readonly revision: string }): string {
  const { failure, plan } = report;
  if (failure === undefined) return `${report.scenario}, seed ${report.seed}: ${report.outcome}`;
  const command = [how.command, ...replayArguments(report)].join(" ");
  return [
    `${report.scenario}, seed ${report.seed} (${report.strategy}), revision ${how.revision}: failed in ${phaseText(failure)}`,
    `  ${failure.name}: ${failure.message}`,
    ...(failure.stack === undefined ? [] : stackLines(failure.stack)),
    plan.length === 0 ? "  no faults" : "  faults:",
    ...plan.map((fault) => `    ${faultText(fault)}`),
    ...(failure.waiting.length === 0 ? [] : ["  waiting:"]),
    ...failure.waiting.map(({ who, what, sinceMs }) => `    ${who} for ${what} since ${sinceMs} ms`),
    `  the last ${eventsShown} of ${failure.lastEvents.length} events that are remembered:`,
    ...failure.lastEvents.slice(-eventsShown).map((event) => `    ${eventText(event)}`),
    `  again: ${command}`,
  ].join("\n");
}

/** One event for people. */
export function eventText({ number, atMs, strand, what, notes }: FiredEvent): string {
  const said = notes.map((note) => (note.length > 160 ? `${note.slice(0, 157)}...` : note));
  return [`${number} at ${atMs.toFixed(3)} ms ${strand}: ${what}`, ...said].join(" | ");
}

function phaseText({ phase, atMs, event }: RunFailure): string {
  const names = {
    open: "the start",
    warmUpMs: "warm-up",
    chaosMs: "chaos",
    livenessMs: "liveness",
    check: "the check",
  };
  return `${names[phase]} at ${atMs.toFixed(3)} ms, event ${event}`;
}

function stackLines(stack: string): readonly string[] {
  return stack
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "))
    .slice(0, 12)
    .map((line) => `    ${line.trim()}`);
}
