/** Cells of the instances, one each. */
export const instanceSpace = "registry/instances";
