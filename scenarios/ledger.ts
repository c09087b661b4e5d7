import {
  badDisks,
  badNetwork,
  clogs,
  crashes,
  type DiskFile,
  type NodeHost,
  partitions,
  pauses,
  restarts,
  type Scenario,
  scenario,
  type SimulatedNode,
  type World,
} from "ashlar/simulation";

const clients = ["client-a", "client-b", "client-c"];
const nodes = ["ledger", ...clients];

interface Booking {
  readonly key: string;
  readonly amount: number;
}

/**
 * The smallest service that can lose or double money: a ledger that appends bookings to a file, and clients that insist. Begin here to see how a
 * scenario is written.
 */
export const ledger: Scenario = scenario({
  name: "ledger",
  about: "what was acknowledged is booked once, whatever crashes, repeats or is cut off",
  phases: { warmUpMs: 1_000, chaosMs: 30_000, livenessMs: 60_000 },
  faults: [
    crashes({ nodes: ["ledger"], perMinute: 6, lastsMs: [10, 3_000] }),
    restarts({ nodes: ["ledger"], perMinute: 2, lastsMs: [10, 1_000] }),
    pauses({ nodes, perMinute: 4, lastsMs: [100, 5_000] }),
    partitions({ nodes, perMinute: 4, lastsMs: [100, 5_000] }),
    clogs({ nodes, perMinute: 4 }),
    badNetwork({ perMinute: 4 }),
    badDisks({ nodes: ["ledger"], perMinute: 4, lastsMs: [100, 3_000] }),
  ],
  sometimes: ["asked again", "was booked already", "a torn line"],
  async open(world, { healed }) {
    const server = world.node("ledger", { start: (host) => serve(world, host) });
    await server.start();
    const acknowledged = new Map<string, number>();
    const work = clients.map((name) => insistingClient(world, { name, healed, acknowledged }));
    return {
      finish: async () => void (await Promise.all(work)),
      check: () => compare(booked(server), acknowledged),
    };
  },
});

async function serve(world: World, { disk, network, stopping }: NodeHost): Promise<void> {
  const file = await disk.open("bookings");
  await disk.syncNames();
  const seen = await recovered(world, file);
  let turn: Promise<unknown> = Promise.resolve();
  network.onRequest(async (message) => {
    if (stopping.aborted) throw new Error("closing");
    const booking = message as Booking;
    // One booking after the other: to look for its key and to store it is one step.
    const mine = turn.then(async () => {
      if (seen.has(booking.key)) return world.sometimes("was booked already");
      await stored(file, `${JSON.stringify(booking)}\n`);
      seen.add(booking.key);
    });
    turn = mine.catch(() => undefined);
    await mine;
    return "booked";
  });
}

/** Appends a line and syncs it. When it cannot, the file is as before, or the process must not go on. */
async function stored(file: DiskFile, line: string): Promise<void> {
  const before = file.size;
  try {
    await file.append(new TextEncoder().encode(line));
    await file.sync();
  } catch (error) {
    while (file.size > before) await file.truncate(before).catch(() => undefined);
    throw error;
  }
}

/** The keys in the file. A torn line at its end was never acknowledged: it is cut off, and the cut is synced before anything follows. */
async function recovered(world: World, file: DiskFile): Promise<Set<string>> {
  const text = new TextDecoder().decode(await file.read(0, file.size));
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) {
    world.sometimes("a torn line");
    await file.truncate(whole.length);
  }
  await file.sync();
  return new Set(bookingsIn(whole).map(({ key }) => key));
}

function bookingsIn(text: string): readonly Booking[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Booking]));
}

async function insistingClient(
  world: World,
  parts: { readonly name: string; readonly healed: AbortSignal; readonly acknowledged: Map<string, number> },
): Promise<void> {
  const { name, healed, acknowledged } = parts;
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async ({ network, clock, random }: NodeHost): Promise<void> => {
    await clock.sleep(0);
    for (let count = 1; !healed.aborted; count++) {
      const booking: Booking = { key: `${name} ${count}`, amount: random.integer(1, 100) };
      while ((await network.request("ledger", booking, { withinMs: 200 }).catch(() => "failed")) !== "booked") {
        world.sometimes("asked again");
        await clock.sleep(random.next() * 100);
      }
      acknowledged.set(booking.key, booking.amount);
      await clock.sleep(random.next() * 500);
    }
    resolve();
  };
  void world.node(name, { start: (host) => void start(host) }).start();
  await promise;
}

/** What is in the file after the power has failed once more. */
function booked(server: SimulatedNode): readonly Booking[] {
  server.crash("machine");
  const text = new TextDecoder().decode(server.disk.file("bookings")?.read(0, 10_000_000));
  return bookingsIn(text.slice(0, text.lastIndexOf("\n") + 1));
}

function compare(bookings: readonly Booking[], acknowledged: ReadonlyMap<string, number>): void {
  const amounts = new Map(bookings.map(({ key, amount }) => [key, amount]));
  if (amounts.size < bookings.length) throw new Error(`${bookings.length - amounts.size} bookings are there twice`);
  for (const [key, amount] of acknowledged)
    if (amounts.get(key) !== amount) throw new Error(`${key} was acknowledged and is lost`);
}
