/** The time that all processes of one file share: that of the machine, plus what it was ahead when the machine's stepped back. */
export interface StoreTime {
  readonly lastUs: number;
  readonly aheadUs: number;
}

// A small step back is waited out, so that windows keep to the calendar; limits recover that much later.
const waitedOutUs = 1_000_000;

/** The time now, which is never before the last. Of a larger step back the store's time takes no notice, now or later. */
export function storeTimeAt({ lastUs, aheadUs }: StoreTime, machineUs: number): StoreTime {
  const nowUs = machineUs + aheadUs;
  if (nowUs >= lastUs) return { lastUs: nowUs, aheadUs };
  const missingUs = lastUs - nowUs;
  return { lastUs, aheadUs: missingUs <= waitedOutUs ? aheadUs : aheadUs + missingUs };
}
