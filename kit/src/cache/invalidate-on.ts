import type { Cache } from "./cache.ts";
import type { InvalidateOptions, Target } from "./target.ts";

/** What an event does to a cache; `undefined`: nothing. */
export interface EventEffect extends InvalidateOptions {
  readonly target: Target;
}

/** What a kind of event does to a cache. */
export type EffectOf<E> = (event: E) => EventEffect | undefined;

/**
 * A handler of events that invalidates: give it to a subscription, a topic, or whoever hears of changes. Types of event that have no
 * entry do nothing. Applying an event twice does no harm; with `olderThan` neither does applying events late. Rejects as
 * {@link Cache.invalidate}, so that a durable subscription repeats the event.
 */
export function invalidateOn<V, E extends { readonly type: string }>(
  cache: Cache<V>,
  effects: { readonly [Type in E["type"]]?: EffectOf<Extract<E, { readonly type: Type }>> },
): (event: E) => Promise<void> {
  const byType = new Map<string, EffectOf<E>>(Object.entries(effects) as [string, EffectOf<E>][]);
  return async (event) => {
    const effect = byType.get(event.type)?.(event);
    if (effect === undefined) return;
    const { target, ...options } = effect;
    await cache.invalidate(target, options);
  };
}
