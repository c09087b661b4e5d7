/**
 * Lets retries be at most a part of the calls, so that they never multiply the load of a service that is failing. Each call adds `ratio` of
 * a retry, each retry takes one; up to `reserve` are kept for quiet times. O(1). Source: the retry budgets of Finagle and Envoy.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  #tokens: number;

  constructor(ratio = 0.2, reserve = 10) {
    this.#ratio = ratio;
    this.#reserve = reserve;
    this.#tokens = reserve;
  }

  /** A call is made. */
  called(): void {
    this.#tokens = Math.min(this.#reserve, this.#tokens + this.#ratio);
  }

  /** Whether one more retry may be made; then it is counted. */
  take(): "granted" | "spent" {
    if (this.#tokens < 1) return "spent";
    this.#tokens--;
    return "granted";
  }
}
