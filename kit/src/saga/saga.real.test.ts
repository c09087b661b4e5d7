import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openAt, type Place, places } from "../registry/places.test-engines.ts";
import { seededRandom } from "../random/mod.ts";
import { fails, killOrder, leaseMs } from "./kill.test-process.ts";
import { openSagas } from "./mod.ts";

const program = fileURLToPath(new URL("kill.test-process.ts", import.meta.url));
const count = 30;

const effectsIn = ({ folder }: Place): string => join(folder, "effects");

function start(place: Place, startCount: number): ChildProcess {
  const args = ["--conditions=ashlar-source", program, place.address, effectsIn(place), String(startCount)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** The first line that the process says, or its end. */
function says(child: ChildProcess, word: string): Promise<"said" | "ended"> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(word)) resolve("said");
    });
    child.once("exit", () => resolve("ended"));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** What the runs have left behind, once all of them have ended. */
async function audit(
  place: Place,
): Promise<{ outcomes: string[]; sum: string | undefined; done: string[]; undone: string[] }> {
  const engine = await openAt(place.address);
  const definition = killOrder(
    () => undefined,
    async () => [],
  );
  const sagas = await openSagas({ engine, sagas: [definition] });
  const outcomes: string[] = [];
  for (let number = 0; number < count; number++) {
    const outcome = await sagas.run(definition, `r${String(number).padStart(4, "0")}`).result({ withinMs: 10_000 });
    outcomes.push(outcome.status === "failed" ? `failed ${outcome.compensated.join()}` : outcome.status);
  }
  const [cell] = await engine.get([{ space: "books", key: "sum" }]);
  await sagas[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  const lines = readFileSync(effectsIn(place), "utf8").split("\n");
  const keysOf = (word: string): string[] =>
    [...new Set(lines.filter((line) => line.startsWith(word)).map((line) => line.slice(word.length)))].toSorted();
  return { outcomes, sum: cell?.value, done: keysOf("do "), undone: keysOf("undo ") };
}

const numbers = Array.from({ length: count }, (_, number) => number);
const idOf = (number: number): string => `r${String(number).padStart(4, "0")}`;
const undisturbed = {
  outcomes: numbers.map((number) => (fails(number) === "yes" ? "failed ship,book,charge" : "completed")),
  sum: String(numbers.reduce((sum, number) => sum + (fails(number) === "yes" ? 0 : number), 0)),
  done: numbers
    .flatMap((number) => [`kill-order/${idOf(number)}/charge`, `kill-order/${idOf(number)}/ship`])
    .toSorted(),
  undone: numbers
    .filter((number) => fails(number) === "yes")
    .flatMap((number) => [`kill-order/${idOf(number)}/charge/undo`, `kill-order/${idOf(number)}/ship/undo`])
    .toSorted(),
};

test.for(places)(
  "$name: kill -9 at random moments, again and again, ends like an undisturbed run",
  { timeout: 120_000 },
  async ({ make }, context) => {
    await using here = await make(context);
    const random = seededRandom("kill");
    for (let kills = 0; kills < 8; kills++) {
      const child = start(here, count);
      await says(child, "ready");
      await new Promise((resolve) => setTimeout(resolve, random.integer(0, 60)));
      child.kill("SIGKILL");
      await ended(child);
    }
    const last = start(here, count);
    expect(await says(last, "done")).toBe("said");
    last.kill("SIGKILL");
    await ended(last);
    expect(await audit(here)).toEqual(undisturbed);
  },
);

test.for(places)(
  "$name: another process takes the runs of a killed one over within its lease",
  { timeout: 120_000 },
  async ({ make }, context) => {
    await using here = await make(context);
    const [starter, other] = [start(here, count), start(here, 0)];
    await Promise.all([says(starter, "ready"), says(other, "ready")]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    starter.kill("SIGKILL");
    const killedAtMs = performance.now();
    // Starting again gives the same runs: whichever were not stored are started now, and all are waited for.
    const waiter = start(here, count);
    expect(await says(waiter, "done")).toBe("said");
    expect(performance.now() - killedAtMs).toBeLessThan(leaseMs + 10_000);
    for (const child of [waiter, other]) child.kill("SIGKILL");
    await Promise.all([starter, waiter, other].map(ended));
    expect(await audit(here)).toEqual(undisturbed);
  },
);
