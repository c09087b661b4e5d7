import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import type { Random } from "ashlar/random";
import { effectsIn, faultsIn } from "./inspect.ts";
import { startReplay, type Ended, type Replay, type Running } from "./replaying.ts";

/** One way to hurt a shop until it has replayed its file. */
export interface Round {
  readonly name: string;
  readonly run: (world: World) => Promise<Ended>;
  /** Why it cannot be run here. */
  readonly impossible?: () => string | undefined;
}

/** What a round may use, and where it tells what it did. */
export interface World {
  readonly replay: Omit<Replay, "spread" | "preload">;
  readonly random: Random;
  readonly counts: Counts;
  /** Looks at the files after a blow. */
  readonly looked: () => void;
}

/** What was done to the shop. */
export interface Counts {
  kills: number;
  stops: number;
  fullDisks: number;
  looks: number;
  readonly faults: string[];
}

const stepClock = join(import.meta.dirname, "step-clock-system.ts");
/** Above the lease of a saga's run and of an event's job in these programs' file engines, and above what a supervisor calls frozen. */
const stopMs = { shortest: 500, longest: 12_000 };

/** Every way to hurt. Each ends with a replay that came to its end. */
export const rounds: readonly Round[] = [
  { name: "one process, killed again and again", run: (world) => killed(world, []) },
  { name: "one process whose clock steps, killed again and again", run: (world) => killed(world, [stepClock]) },
  { name: "nine processes, one killed every so often", run: (world) => spreadHurt(world, killOne) },
  { name: "nine processes, one stopped for longer than a lease", run: (world) => spreadHurt(world, stopOne) },
  { name: "a disk that is full", run: fullDisk, impossible: withoutMount },
];

async function killed(world: World, preload: readonly string[]): Promise<Ended> {
  const { counts, random, replay } = world;
  for (;;) {
    const before = effectsIn(replay.data);
    const running = startReplay({ ...replay, spread: "off", preload });
    // Half of them while it comes up or finds out where it was.
    const delayMs = random.next() < 0.5 ? random.next() * 900 : await progressed(running, before, random.next() * 400);
    if (await endedWithin(running, delayMs)) return await running.ended;
    running.process.kill("SIGKILL");
    await running.ended;
    counts.kills += 1;
    world.looked();
  }
}

/** Waits until the shop has come further than it was. */
async function progressed(running: Running, before: number, moreMs: number): Promise<number> {
  const { process: child } = running;
  while (child.exitCode === null && effectsIn(dataOf(child.spawnargs)) <= before) await systemClock.sleep(2);
  return moreMs;
}

function dataOf(args: readonly string[]): string {
  return args[args.indexOf("--data") + 1] ?? "";
}

async function endedWithin({ ended }: Running, delayMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = systemClock.setTimer(delayMs, () => resolve(false));
  const isOver = await Promise.race([ended.then(() => true), late]);
  timer.cancel();
  return isOver;
}

type Blow = (world: World, victims: readonly number[]) => Promise<void>;

async function spreadHurt(world: World, blow: Blow): Promise<Ended> {
  const running = startReplay({ ...world.replay, spread: "on" });
  // Until they are all up, there is nobody to hurt.
  while (running.process.exitCode === null && running.services().length < 9) await systemClock.sleep(20);
  while (running.process.exitCode === null && !(await endedWithin(running, 400 + world.random.next() * 1_200)))
    await blow(world, running.services());
  return await running.ended;
}

async function killOne({ counts, looked, random }: World, victims: readonly number[]): Promise<void> {
  if (victims.length === 0) return;
  hit(random.pick(victims), "SIGKILL");
  counts.kills += 1;
  looked();
  await systemClock.sleep(0);
}

async function stopOne({ counts, looked, random }: World, victims: readonly number[]): Promise<void> {
  if (victims.length === 0) return;
  const victim = random.pick(victims);
  hit(victim, "SIGSTOP");
  await systemClock.sleep(stopMs.shortest + random.next() ** 2 * (stopMs.longest - stopMs.shortest));
  hit(victim, "SIGCONT");
  counts.stops += 1;
  looked();
}

function hit(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It was gone before.
  }
}

const smallMebibytes = 4;
/** Nothing has happened for so long: the disk is full. */
const stillMs = 2_000;

/** The shop's folder on a small disk that is full again and again. What cannot be written is not acknowledged; once there is room the shop goes
 *  on, in the same process. */
async function fullDisk(world: World): Promise<Ended> {
  const { counts, looked, random, replay } = world;
  mkdirSync(replay.data, { recursive: true });
  let mebibytes = smallMebibytes;
  const sized = (): string => `size=${mebibytes}m`;
  execFileSync("mount", ["-t", "tmpfs", "-o", sized(), "tmpfs", replay.data]);
  let running = startReplay({ ...replay, spread: "off" });
  try {
    for (let before = -1; ;) {
      if (await endedWithin(running, stillMs)) {
        const ended = await running.ended;
        // It could not even open its files.
        if (ended.code === 0 || !/full|ENOSPC/i.test(ended.output)) return ended;
        running = startReplay({ ...replay, spread: "off" });
      }
      const now = effectsIn(replay.data);
      if (now === before) {
        counts.fullDisks += 1;
        looked();
        mebibytes += 2 + Math.floor(random.next() * 6);
        execFileSync("mount", ["-o", `remount,${sized()}`, replay.data]);
      }
      before = now;
    }
  } finally {
    running.process.kill("SIGKILL");
    await running.ended;
    execFileSync("umount", ["--lazy", replay.data]);
  }
}

function withoutMount(): string | undefined {
  return process.getuid?.() === 0 && process.platform === "linux"
    ? undefined
    : "mounting a small disk needs Linux and root";
}

/** What a look at the files finds is kept; a round goes on. */
export function lookAt(data: string, counts: Counts): void {
  counts.looks += 1;
  counts.faults.push(...faultsIn(data));
}
