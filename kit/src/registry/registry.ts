import type { CellEngine } from "../engine/mod.ts";
import { DisposedError, integerIn } from "../errors/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";
import { type Announcement, openAnnouncement } from "./announcement.ts";
import type { Directory } from "./directory.ts";
import type { Instance, InstanceFacts } from "./instance.ts";
import { instancesOf, InstanceView } from "./instance-view.ts";

/** Options of {@link openRegistry}. */
export interface OpenRegistryOptions {
  /** Where the records are kept; shared by all processes of the system. */
  readonly engine: CellEngine;
  /** How long a silent instance counts as living, 1 s to 10 min. Default 10 s. */
  readonly leaseMs?: number | undefined;
  /** How late a view may be when a bell was lost, 50 ms to 1 min. Default 1 s. */
  readonly pollMs?: number | undefined;
  readonly random?: Random | undefined;
  /** Told when a lease was lost and the instance announced itself anew. */
  readonly onLost?: ((id: string) => void) | undefined;
}

/** Who runs what, and where. Closing it takes out what was announced through it, and ends its views. */
export interface Registry extends Directory, AsyncDisposable {
  /** Announces an instance of this process. Resolves when others can see it. */
  announce(facts: InstanceFacts): Promise<Announcement>;
  /** All living instances, read now. */
  instances(): AsyncIterable<Instance>;
}

/** Opens the registry that lives on an engine. Throws {@link ConfigError}. */
export async function openRegistry(options: OpenRegistryOptions): Promise<Registry> {
  const { engine, random = systemRandom, onLost } = options;
  const leaseMs = integerIn("leaseMs", options.leaseMs ?? 10_000, { min: 1_000, max: 600_000 });
  const pollMs = integerIn("pollMs", options.pollMs ?? 1_000, { min: 50, max: 60_000 });
  const nextId = idSource({ clock: engine.clock, random });
  const view = new InstanceView(engine, { leaseMs, pollMs });
  const announced = new AsyncDisposableStack();
  const announce = async (facts: InstanceFacts): Promise<Announcement> => {
    if (announced.disposed) throw new DisposedError("the registry");
    const announcement = await openAnnouncement({ engine, random, nextId, leaseMs, onLost }, facts);
    if (!announced.disposed) return announced.use(announcement);
    await announcement[Symbol.asyncDispose]();
    throw new DisposedError("the registry");
  };
  return {
    follow: (service, told) => view.follow(service, told),
    announce,
    instances: () => instancesOf(engine),
    async [Symbol.asyncDispose]() {
      view[Symbol.dispose]();
      await announced.disposeAsync();
    },
  };
}
