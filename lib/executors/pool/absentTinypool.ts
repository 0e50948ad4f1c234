/** Stands for Tinypool in bundles, which would hold it in vain: it starts workers from files beside its own. */
export const Tinypool: undefined = undefined;
