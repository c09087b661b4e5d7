import { abortable } from "../abort/mod.ts";
import { integerIn, textOf } from "../errors/mod.ts";
import { quietReason, refusedError } from "./errors.ts";
import { refusal } from "./refusal.ts";

/** What a single flight goes by. */
export interface SingleFlightOptions {
  /** Default "single flight". */
  readonly name?: string | undefined;
  /** Keys under way at once, 1 to 1e6; beyond it CallRefusedError. Default 10,000. */
  readonly flightsMax?: number | undefined;
}

/** What the one flight is given: its signal aborts when nobody waits for it any more. */
export interface FlightContext {
  readonly signal: AbortSignal;
}

export type { SingleFlight };

/**
 * Does the same work once for all who ask for it while it runs. All get its value, or the same error object. Who aborts leaves alone; when the last
 * one has left, the work's signal aborts and the next caller begins anew. Nothing is kept after the end: that is a cache. O(1). Throws ConfigError.
 */
export function singleFlight<K, V>(options: SingleFlightOptions = {}): SingleFlight<K, V> {
  return new SingleFlight(options);
}

interface Flight<V> {
  readonly landing: Promise<V>;
  readonly stop: AbortController;
  waiting: number;
  hasLanded: "yes" | "no";
}

const abandoned = quietReason("AbandonedError", "nobody waits for this any more");

/** See {@link singleFlight}. */
class SingleFlight<K, V> {
  readonly #name: string;
  readonly #flightsMax: number;
  readonly #flights = new Map<K, Flight<V>>();

  constructor({ name = "single flight", flightsMax = 10_000 }: SingleFlightOptions) {
    this.#name = textOf("name", name);
    this.#flightsMax = integerIn("flightsMax", flightsMax, { min: 1, max: 1_000_000 });
  }

  /** Keys under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** The result of the work under `key`, begun by whoever came first. Rejects with the signal's reason when this caller aborts. */
  async run(
    key: K,
    work: (context: FlightContext) => PromiseLike<V>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<V> {
    const { signal } = options;
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#begin(key, work);
    flight.waiting++;
    try {
      return await abortable(flight.landing, signal);
    } finally {
      flight.waiting--;
      if (flight.waiting === 0 && flight.hasLanded === "no") {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.stop.abort(abandoned);
      }
    }
  }

  /** Who asks from now on gets a new flight; who waits keeps the old one. Call it when what the work reads has changed. */
  forget(key: K): void {
    this.#flights.delete(key);
  }

  #begin(key: K, work: (context: FlightContext) => PromiseLike<V>): Flight<V> {
    if (this.#flights.size >= this.#flightsMax) throw refusedError(this.#name, refusal(this.#name, "full"));
    const stop = new AbortController();
    const flight: Flight<V> = { landing: fly(work, stop.signal), stop, waiting: 0, hasLanded: "no" };
    this.#flights.set(key, flight);
    const land = (): void => {
      flight.hasLanded = "yes";
      // Another one may fly under this key by now, when this one was forgotten.
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.landing.then(land, land);
    return flight;
  }
}

/** A turn later, so that the flight is entered before its work can ask for itself. */
function fly<V>(work: (context: FlightContext) => PromiseLike<V>, signal: AbortSignal): Promise<V> {
  return Promise.resolve().then(() => work({ signal }));
}
