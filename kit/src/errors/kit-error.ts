/**
 * Base of every error the kit throws. `code` never changes between versions and is safe to store and to branch on;
 * `retryable` says whether the same call can succeed later without anyone changing anything. `name` is the class name.
 */
export abstract class KitError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;

  // On the prototype, so that the head of `stack` (written inside super()) already shows the class.
  override get name(): string {
    return this.constructor.name;
  }
}
