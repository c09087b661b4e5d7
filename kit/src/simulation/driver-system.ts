/**
 * How the next event is reached once an event has run: not before every promise job that it caused has run too, however deep the chain.
 * `ticks` goes through one promise job and one tick, 4 to 5 million times a second; promise jobs that wait for ticks of their own (streams of
 * Node) may be overtaken. `immediates` waits for those as well, at a fifth of the speed. Both give the same run of code that uses neither.
 */
export type DriverName = "ticks" | "immediates";

/** Calls `step` once everything of the present turn has come to rest. */
export type Again = () => void;

/** How often the event loop itself gets a turn: signals, messages of threads and unhandled rejections wait for it. */
const breathEvery = 8_192;

/** Gives the drivers' own immediates a mark, by which they are told from those of code under test. */
let makesOwn: "yes" | "no" = "no";

export function isOwnImmediate(): boolean {
  return makesOwn === "yes";
}

export function driver(name: DriverName, step: () => void): Again {
  const immediately = (): void => {
    makesOwn = "yes";
    setImmediate(step);
    makesOwn = "no";
  };
  if (name === "immediates") return immediately;
  const settled = Promise.resolve();
  const hop = (): void => process.nextTick(step);
  let untilBreath = breathEvery;
  return () => {
    if (--untilBreath > 0) return void settled.then(hop);
    untilBreath = breathEvery;
    immediately();
  };
}
