/** The parameters that every call of a task gets after its input: `args`, and then `kwargs` where they are given. */
export type Shared<A extends readonly unknown[], K> = [...A, ...([K] extends [never] ? [] : [kwargs: K])];

/** `args` as a tuple, so that each has its own type. */
export type Args = readonly unknown[] | [];

/** The type that a task returns for a row of type `R`; the empty tuple has an array literal inferred as a tuple. */
export type Returned<R> = R | [] | PromiseLike<R | []>;
