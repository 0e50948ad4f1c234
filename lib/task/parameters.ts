import type { Task } from './task.js';

// The types of a task's parameters. An operator infers, side by side, the input `T` from its source, the row `R` from what
// the task returns, `A`, `K` and `S` from `args`, `kwargs` and `spread`, and `F`, the task as it was written. While `F` is
// not known yet, it is `Uninferred`, its default, and unannotated parameters get their types from the options (or `Task`, its
// constraint, where a generic function is looked at); then the options are held against the parameters of `F`, so that a
// mistake is told where it was made, and once.

type List = readonly unknown[];

/** `args` as a tuple, so that each has its own type. */
export type Args = List | [];

/** `kwargs` of any kind; not the same type as the one that `MapOptions` has where it names none. */
export type Kwargs = object | Nothing;

/** The type that a task returns for a row of type `R`; the empty tuple has an array literal inferred as a tuple. */
export type Returned<R> = R | [] | PromiseLike<R | []>;

/** `true` where both are the same type, not only assignable to each other. */
type Same<X, Y> = (<G>() => G extends X ? 1 : 2) extends <G>() => G extends Y ? 1 : 2 ? true : false;
export type IsAny<X> = 0 extends 1 & X ? true : false;

declare const inferred: unique symbol;
/**
 * A type that no task is of: in `F extends Nothing ? F : …`, an argument's type is inferred as `F`, and the type that the
 * argument is expected to have is that behind the colon.
 */
export interface Nothing {
  readonly [inferred]: never;
}

declare const uninferred: unique symbol;
/** The type of a task whose parameters are still to get their types from the options. */
export interface Uninferred {
  // biome-ignore lint/suspicious/noExplicitAny: as of Task
  (...parameters: any[]): unknown;
  readonly [uninferred]?: never;
}
type IsKnown<F> = Same<F, Task> extends true ? false : Same<F, Uninferred> extends true ? false : true;

/** `T`, which is not inferred from here: it is that of the source. `NoInfer` would show in what is hovered over. */
type Held<T> = [T][T extends unknown ? 0 : never];

/**
 * The parameters that every call gets after its input: `args`, and then `kwargs`, as far as the type of the options says.
 * Where `A` or `K` is all that it may be, the option was refused, and the task is not to be blamed for it.
 */
type Given<A extends List, K> =
  Same<A, Args> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: nobody knows what it would have been
      any[]
    : [
        ...(List extends A ? [] : A),
        ...([K] extends [never]
          ? []
          : Same<K, object> extends true
            ? []
            : // biome-ignore lint/suspicious/noExplicitAny: nobody knows what it would have been
              [kwargs: Same<K, Kwargs> extends true ? any : K]),
      ];

/** The parameters that an input becomes. */
type Positional<T, S> = [S] extends [true] ? (T extends List ? T : [value: T]) : [value: T];

type ParametersOf<F> = F extends (...parameters: infer P extends List) => unknown ? P : never;
/** A tuple of the same form, whose members may be anything. */
// biome-ignore lint/suspicious/noExplicitAny: only the form counts
type Form<P extends List> = { [I in keyof P]: any };
/** `true` where a list of parameters may be called with a list of arguments, by their numbers alone. */
type Takes<P extends List, G extends List> = ((...parameters: Form<P>) => void) extends (
  ...given: Form<G>
) => void
  ? true
  : false;

/** The parameters of `P` behind as many as `Before` has. */
type Behind<P extends List, Before extends List> = Before extends readonly [unknown, ...infer Rest]
  ? P extends readonly []
    ? []
    : P extends readonly [_?: infer _, ...rest: infer More]
      ? Behind<More, Rest>
      : P
  : P;

/** The first parameters of `P`, as many as `Count` has or as there are. */
type Front<P extends List, Count extends List, Out extends List = []> = Count extends readonly [
  unknown,
  ...infer Rest,
]
  ? P extends readonly []
    ? Out
    : P extends readonly [_?: infer X, ...rest: infer More]
      ? Front<More, Rest, [...Out, X]>
      : Front<P, Rest, [...Out, P[number]]>
  : Out;

/** A function with overloads shows only the last of them. */
type IsOverloaded<F> = F extends { (...parameters: infer P): unknown; (...parameters: infer Q): unknown }
  ? Same<P, Q> extends true
    ? false
    : true
  : false;

/** The parameters of the task itself behind its input; `any[]` where they cannot be told. */
type Own<F, T, S> =
  // biome-ignore lint/suspicious/noExplicitAny: an untyped function takes anything
  IsOverloaded<F> extends true ? any[] : Behind<ParametersOf<F>, Positional<T, S>>;

type HasAnyLength<L extends List> = number extends L['length'] ? true : false;
/** `true` where types do not say which parameter is which: arrays for tuples, untyped tasks. */
type IsLoose<F, T, A extends List, S> =
  HasAnyLength<A> extends true
    ? true
    : [S, HasAnyLength<Positional<T, S>>] extends [true, true]
      ? true
      : IsAny<Own<F, T, S>[number]>;

/**
 * The input of an operator: that of its source, or where it stands alone that of its task.
 */
export type InputOf<T, F, A extends List, K, S> = [unknown] extends [T]
  ? [S] extends [true]
    ? Head<ParametersOf<F>, Given<A, K>>
    : First<ParametersOf<F>>
  : T;
type First<P extends List> = P extends readonly [] ? unknown : P[0];
/** The parameters of `P` before the last ones, which are given. */
type Head<P extends List, G extends List> = G extends readonly []
  ? P
  : P extends readonly [...infer Before, ...Form<G>]
    ? Before
    : P;

/** The parameters that the task gets after its input: its own parameters where their number is right, as options are checked by them. */
type SharedOf<F, T, A extends List, K, S> =
  IsLoose<F, T, A, S> extends true
    ? Given<A, K>
    : Takes<Own<F, T, S>, Given<A, K>> extends true
      ? Own<F, T, S>
      : Form<Given<A, K>> extends Partial<Form<Own<F, T, S>>>
        ? Given<A, K>
        : Own<F, T, S>;

/**
 * Gives types to the parameters of a function that asks for more than it is given, `any` to those: that it does so is one
 * mistake, and without them the compiler complains of each parameter besides.
 *
 * It does this to no other function. Of the signatures that a function has room in, the compiler takes the only one; two of
 * which one is generic it cannot join, and passes over both. So it stands beside the type that all others get theirs from.
 */
interface Overcharged<P extends List, Row> {
  (...parameters: P): Row;
  // biome-ignore lint/suspicious/noExplicitAny: nobody knows what it would have been
  <_>(...parameters: [...P, ...any[]]): Row;
}

/** The task of an operator; `Row` is `R`, or what refuses it. */
export type TaskOf<F, T, R, A extends List, K, S, Row = R> = F extends Nothing
  ? F & ((...parameters: never[]) => R | PromiseLike<R>)
  : Same<F, Task> extends true
    ? (...parameters: [...Positional<Held<T>, S>, ...Given<A, K>]) => Returned<R>
    : Same<F, Uninferred> extends true
      ?
          | ((...parameters: [...Positional<Held<T>, S>, ...Given<A, K>]) => Returned<R>)
          | Overcharged<[...Positional<Held<T>, S>, ...Given<A, K>], Returned<R>>
      : (
          ...parameters: [
            ...Positional<Held<InputOf<T, F, A, K, S>>, S>,
            ...SharedOf<F, InputOf<T, F, A, K, S>, A, K, S>,
          ]
        ) => Row | PromiseLike<Row>;

/** `args` as the task's parameters have them. */
export type ArgsOf<F, T, A extends List, S> =
  IsKnown<F> extends false
    ? A | readonly unknown[]
    : IsLoose<F, T, A, S> extends true
      ? A
      : readonly [...Front<Own<F, T, S>, A>];

/** `kwargs` as the task's parameter has them; `never` where it has none left. */
export type KwargsOf<F, T, A extends List, K extends object, S> =
  IsKnown<F> extends false
    ? K | object
    : IsLoose<F, T, A, S> extends true
      ? K
      : [K] extends [never]
        ? K
        : Behind<Own<F, T, S>, A> extends infer Left extends List
          ? Left extends readonly []
            ? never
            : unknown extends Left[0]
              ? K
              : Extract<Left[0], object>
          : never;

/** `spread` as the inputs allow: only tuples can be spread. */
export type SpreadOf<F, T, S extends boolean> =
  IsKnown<F> extends false ? boolean : [S] extends [true] ? (T extends List ? S : false) : S;
