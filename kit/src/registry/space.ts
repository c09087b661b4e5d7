/** Cells of the instances, one each. */
export const instanceSpace = "registry/instances";
/** Written with what others must know at once. Its bell wakes every process, so a heartbeat does not write it. */
export const newsSpace = "registry/news";
