import type { Sagas } from "ashlar/saga";
import { checkEffects, type Violation } from "ashlar/simulation/checkers";
import { type BedEngine, broken, refuse, soundEngine } from "./bed.ts";
import { family, type FamilyEnd, kid, patienceMs, type Place, roundsCount } from "./saga-flows-definitions.ts";
import type { Decided, FlowsHistory, Move } from "./saga-flows-history.ts";

interface Ended {
  readonly engine: BedEngine;
  readonly sagas: Sagas;
  readonly place: Place;
  readonly ends: readonly FamilyEnd[];
}

/** What the README of ashlar/saga promises of approvals, checkpoints, versions, children, cancellation, forks and choreographies. */
export async function checkFlows(history: FlowsHistory, ended: Ended): Promise<void> {
  const { engine } = ended;
  refuse([
    ...broken("saga: outcome", "two clients were told different ends of a run", history.disagreements),
    ...decisionsTrue(history, ended.place),
    ...(await roundsOnce(history, engine)),
    ...(history.isTimeSound ? broken("saga: repeated", "a recorded step began again", history.repeated) : []),
    ...(await familiesEnd(history, ended)),
    ...forksGoOn(history),
    ...(await movesOnce(history, ended)),
    ...(await soundEngine(engine)),
  ]);
}

/** A decision that counts was sent to this run; when the time was up nobody had decided; and it is acted upon exactly when it is yes. */
function decisionsTrue({ outcomes, decisions, effects }: FlowsHistory, { world }: Place): readonly Violation[] {
  const runs = [...outcomes].filter(([id]) => id.startsWith("approving"));
  const wrong = runs.filter(([id, outcome]) => {
    if (outcome.status !== "completed") return true;
    const { approved, by } = outcome.output as Decided;
    world.sometimes(by === undefined ? "nobody decided" : approved ? "approved" : "rejected");
    const wasSent = decisions.get(id)?.some((one) => one.by === by && one.approved === approved) === true;
    const hasActed = effects.some(({ key, end }) => key === `approving/${id}/act` && end === "done");
    return (by === undefined ? approved : !wasSent) || hasActed !== approved;
  });
  return broken("saga: approval", "a decision counts that nobody made, or it was not acted upon", wrong);
}

/** Each round has counted once, whatever versions have played it. */
async function roundsOnce({ outcomes }: FlowsHistory, engine: BedEngine): Promise<readonly Violation[]> {
  const ids = ["looping-0", "looping-1"];
  const cells = await engine.get(ids.map((key) => ({ space: "rounds", key })));
  const wrong = ids.filter((id, index) => {
    const outcome = outcomes.get(id);
    const isOver = outcome?.status === "completed" && String(outcome.output).endsWith(`: ${roundsCount}`);
    return !isOver || cells[index]?.value !== String(roundsCount);
  });
  return broken(
    "saga: checkpoint",
    "a round was lost or counted twice",
    wrong.map((id) => [id, outcomes.get(id), cells]),
  );
}

/** With its parent a child ends; one that has completed is undone when the parent is, and only then. */
async function familiesEnd({ outcomes, effects }: FlowsHistory, ended: Ended): Promise<readonly Violation[]> {
  const { sagas, place, ends } = ended;
  const wrong: unknown[] = [];
  for (const [number, end] of ends.entries()) {
    const id = `family-${number}`;
    const outcome = outcomes.get(id);
    const report = await sagas.inspect(family(place), id);
    const kids = await Promise.all(
      ["first", "slow"].map(async (name) => await sagas.inspect(kid(place), `${id}-${name}`)),
    );
    const [first, slow] = kids;
    const isUndone = outcome?.status === "failed" || outcome?.status === "cancelled";
    const undone = effects.filter(({ key, kind }) => kind === "undo" && key.startsWith(`family/${id}/`));
    if (undone.length > 0) place.world.sometimes("a child was undone");
    if (kids.some((one) => one?.status === "cancelled")) place.world.sometimes("a child was cancelled");
    const isRight =
      outcome !== undefined &&
      report?.status === outcome.status &&
      (end === "well" || outcome.status !== "completed") &&
      kids.every((one) => one === undefined || ["completed", "failed", "cancelled"].includes(one.status)) &&
      (isUndone || (undone.length === 0 && first?.status === "completed" && slow?.status === "completed")) &&
      (!isUndone || first?.status !== "completed" || undone.length > 0) &&
      (!isUndone || slow?.status !== "completed" || undone.length > 1);
    if (!isRight) wrong.push([id, end, outcome, report?.steps, kids.map((one) => one?.status), undone]);
  }
  return broken("saga: children", "children and their parent have ends that do not fit", wrong);
}

/** The fork completes, and runs nothing again that lay before it. */
function forksGoOn({ outcomes, effects }: FlowsHistory): readonly Violation[] {
  const keys = new Set(effects.filter(({ end }) => end === "done").map(({ key }) => key));
  const isRight =
    outcomes.get("forking-0")?.status === "failed" &&
    outcomes.get("fork-forking-0")?.status === "completed" &&
    keys.has("forking/forking-0/before") &&
    keys.has("forking/fork-forking-0/last") &&
    !keys.has("forking/fork-forking-0/before");
  return isRight
    ? []
    : broken("saga: fork", "a fork repeats or leaves out", [
        [...outcomes],
        [...keys].filter((key) => key.startsWith("fork")),
      ]);
}

interface Recorded extends Move {
  readonly order: string;
  readonly atMs: number;
}

/** Each message has moved its instance once, from the state in which the last move had left it; a timeout passes only while somebody waits. */
async function movesOnce(history: FlowsHistory, { engine, place }: Ended): Promise<readonly Violation[]> {
  const { events } = await engine.read({ log: "moves", after: 0, limit: 10_000 });
  const moves = events.map(({ data, stream, recordedAtMs }): Recorded => ({
    ...(JSON.parse(data) as Move),
    order: stream,
    atMs: recordedAtMs,
  }));
  const ofMessages = moves.filter(({ id }) => id !== "patience");
  if (ofMessages.length < moves.length) place.world.sometimes("a timeout passed");
  const told = [...history.told]
    .filter(([, answers]) => answers.some((answer) => answer !== "ignored"))
    .map(([id]) => id);
  const broke: unknown[] = [];
  for (const all of Map.groupBy(moves, ({ order }) => order).values()) {
    let state = "new";
    let waitsSinceMs = 0;
    for (const move of all) {
      const isEarly = move.id === "patience" && history.isTimeSound && move.atMs - waitsSinceMs < patienceMs;
      if (move.from !== state || (move.id === "patience" && state !== "waiting") || isEarly) broke.push([move, all]);
      state = move.to;
      if (state === "waiting") waitsSinceMs = move.atMs;
    }
  }
  return [
    ...checkEffects(
      ofMessages.map(({ id }) => ({ key: id })),
      "exactly once",
      told,
    ),
    ...broken(
      "saga: choreography",
      "a move does not begin where the last one ended, or a timeout came that was called off",
      broke,
    ),
  ];
}
