/** The name under which a shipped function stands in stacks, until the program puts its own file there. */
export const shippedScript = 'rx-parfor:task';

/** Lines before a shipped function in the script that it is made of. */
export const LINES_BEFORE = 3;

/** Stands before the source of a function that is not in strict mode, so that it is not made again in it. */
export const sloppyMark = '/* sloppy */ ';
