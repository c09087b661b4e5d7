import type { Enqueue, Engine } from "ashlar/engine";
import { openQueue, openWorker, queue, type Queue, type QueueDefinition } from "ashlar/queue";
import type { Random } from "ashlar/random";
import type { Units } from "../../goods.ts";
import { neighbourRetry, type Neighbours } from "../order-saga.ts";

/** What an invoice asks of a neighbour besides an order or return. */
type Correction =
  | {
      readonly kind: "write off";
      readonly invoice: string;
      readonly goods: readonly Units[];
      readonly ticket: number;
    }
  | { readonly kind: "adjust"; readonly invoice: string; readonly amountMinor: number };

const definition: QueueDefinition<Correction> = queue<Correction>("corrections", {
  retry: neighbourRetry,
  depthMax: 1_000_000,
  crashesMax: 100,
});

/** Write-offs wait for their turn at the stock, so that more than one must be under way: the one in turn is among the oldest. */
const correctionsAtOnce = 32;

/** Write-offs and adjustments: durable with the commit that imports their invoice, told to the neighbour afterwards, once by its name. */
export class Corrections {
  readonly #queue: Queue<Correction>;

  constructor(opened: Queue<Correction>) {
    this.#queue = opened;
  }

  /** The change that has it done when the caller's commit is applied. */
  change(correction: Correction): Enqueue {
    return this.#queue.change(correction);
  }

  async open(): Promise<number> {
    const { depth, dead } = await this.#queue.status();
    return depth + dead;
  }
}

/** Opens the queue and its worker. */
export async function openCorrections(
  options: { readonly engine: Engine; readonly random: Random; readonly needs: Neighbours },
  resources: AsyncDisposableStack,
): Promise<Corrections> {
  const { engine, random, needs } = options;
  const opened = await openQueue({ engine, queue: definition, random });
  const worker = await openWorker({
    queue: opened,
    concurrency: correctionsAtOnce,
    handle: ({ input, signal }) => correct(needs, input, signal),
  });
  resources.use(worker);
  return new Corrections(opened);
}

async function correct(needs: Neighbours, correction: Correction, signal: AbortSignal): Promise<void> {
  switch (correction.kind) {
    case "write off": {
      const { goods, invoice, ticket } = correction;
      await needs.inventory.writeOff({ invoice, ticket, goods: [...goods] }, { signal });
      return;
    }
    case "adjust":
      await needs.payments.adjust({ id: correction.invoice, amountMinor: correction.amountMinor }, { signal });
      return;
    default:
      throw new Error(`unknown correction ${correction satisfies never}`);
  }
}
